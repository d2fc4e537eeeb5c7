/**
 * The timeouts between a client and a task on fargate, in seconds. Whoever is nearer to the task waits longer: then a
 * connection is ended by the side that would open the next one, and nobody writes into one that is just closing.
 * @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-load-balancer-attributes.html (idle timeout, read 2026-11-25)
 * @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/DownloadDistValuesOrigin.html (response and keep-alive timeouts, read 2026-11-25)
 */
export const fargateTimeouts = {
  /** The official SDK writes a comment into an open stream so often. */
  pingS: 15,
  /** How long CloudFront keeps an idle connection to the load balancer. */
  cloudfrontKeepAliveS: 60,
  /** How long CloudFront waits for the next byte; its longest without a quota of one's own. A tool that is silent for longer, and does not stream, is cut. */
  cloudfrontReadS: 120,
  /** How long the load balancer waits for the next byte, on both of its sides. */
  albIdleS: 180,
  /** How long a task keeps an idle connection to the load balancer. */
  keepAliveS: 195,
  /** How long the load balancer lets a task that goes finish what it has; it gives it nothing new. */
  deregistrationS: 90,
  /** How long a task that is told to stop finishes what it has. */
  graceS: 100,
  /** When ECS kills it; 120 is the most that Fargate gives. */
  stopS: 120,
} as const
