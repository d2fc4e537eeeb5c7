/**
 * What a deployed server says of its calls in CloudWatch: the adapters write it, alarms and dashboards read it.
 * @see docs/observability.md
 */
export const metrics = {
  namespace: 'fairlead',
  /** The deployment, such as `account-summary-prod`. */
  server: 'Server',
  platform: 'Platform',
  tool: 'Tool',
  /** Tool calls that were answered, whatever the answer. */
  calls: 'Calls',
  /** Tool calls that ended with an error, and other requests that the server failed. */
  errors: 'Errors',
  /** Requests that the guard did not let in. */
  refusals: 'Refusals',
  /** Of a tool call to the end of its answer, in milliseconds. */
  duration: 'Duration',
} as const

/** The variables that switch it on: whoever deploys sets them. */
export function metricsEnvironment(server: string): Record<string, string> {
  return { FAIRLEAD_METRICS: 'emf', FAIRLEAD_SERVER: server }
}
