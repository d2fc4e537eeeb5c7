import type { LightRequest } from '../../http/light-request.ts'

/** What clients get wrong about the headers that AgentCore Runtime asks for. Neither of them is signed. */
export const requestFaults = {
  'accept-one-type': {
    does: 'The client accepts JSON alone, and no event stream.',
    header: ['accept', 'application/json'],
  },
  'session-id-short': {
    does: 'The client takes a session id of less than 33 characters.',
    header: ['x-amzn-bedrock-agentcore-runtime-session-id', 'session-1'],
  },
} as const satisfies Record<string, { does: string; header: readonly [name: string, value: string] }>

export type RequestFaultName = keyof typeof requestFaults

export function withBrokenHeaders(request: LightRequest, names: readonly RequestFaultName[]): LightRequest {
  return names.reduce((so, name) => {
    const { header } = requestFaults[name]
    return so.withHeaders([...so.without([header[0]]).rawHeaders, ...header])
  }, request)
}
