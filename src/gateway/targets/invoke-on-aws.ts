import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sign } from '../../auth/sigv4/sign.ts'
import { Upstream, type UpstreamOptions } from '../outbound/upstream.ts'
import { TargetFailure } from '../tool.ts'
import type { InvokeFunction } from './lambda.ts'

export interface AwsInvokeOptions {
  credentials: () => Promise<Credentials>
  /** Where the Lambda API of a region is; AWS's own address when absent. */
  endpoint?: string
}

/** Fifteen minutes, Lambda's longest. */
const timeoutMs = 900_000

/**
 * Invokes functions by Lambda's API, signed as the gateway's role.
 * @see https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
 */
export function invokeOnAws({ credentials, endpoint }: AwsInvokeOptions): {
  invoke: InvokeFunction
  close(): Promise<void>
} {
  const upstreams = new Map<string, Upstream>()
  const upstreamOf = (region: string) => {
    const known = upstreams.get(region)
    if (known) return known
    const options: UpstreamOptions = endpoint === undefined ? {} : { at: endpoint }
    const made = new Upstream(`https://lambda.${region}.amazonaws.com`, options)
    upstreams.set(region, made)
    return made
  }
  return {
    invoke: async ({ arn, payload, clientContext, signal }) => {
      const region = arn.split(':')[3]!
      const upstream = upstreamOf(region)
      const path = `/2015-03-31/functions/${encodeURIComponent(arn)}/invocations`
      const headers: Record<string, string> = {
        host: upstream.host,
        'content-type': 'application/json',
        'x-amz-client-context': clientContext,
      }
      const request = { method: 'POST', target: path, rawHeaders: Object.entries(headers).flat(), body: payload }
      Object.assign(headers, sign(request, await credentials(), { service: 'lambda', region }))
      const answer = await upstream.exchange({ method: 'POST', path, headers, body: payload, signal, timeoutMs })
      if (answer.status !== 200)
        throw new TargetFailure('LambdaException', `Lambda answered ${answer.status} for ${arn}`)
      const functionError = answer.headers['x-amz-function-error']
      return { payload: answer.bytes, ...(typeof functionError === 'string' ? { functionError } : {}) }
    },
    close: async () => {
      await Promise.all([...upstreams.values()].map((each) => each.close()))
    },
  }
}
