import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sign } from '../../auth/sigv4/sign.ts'
import { quoted, readText } from '../../http/quoted.ts'

/** How an AWS service is reached. */
export interface AwsApi {
  /** As it stands in signatures: `secretsmanager`, `bedrock`. */
  service: string
  region: string
  /** Its address, without a path. */
  endpoint: string
  credentials: () => Promise<Credentials>
  timeoutMs?: number
  fetch?: typeof fetch
}

export interface AwsRequest {
  /** Path, encoded as it goes on the wire. */
  path: string
  headers: Record<string, string>
  body: unknown
}

const defaultTimeoutMs = 5000
const maxBytes = 4 * 1024 * 1024

/** Posts JSON to an AWS service, signed, and reads the JSON of its answer. Throws when it does not answer well. */
export async function askAws(api: AwsApi, { path, headers, body }: AwsRequest): Promise<Record<string, unknown>> {
  const { service, region, endpoint, timeoutMs = defaultTimeoutMs, fetch: fetchFn = fetch } = api
  const url = new URL(path, endpoint)
  const bytes = Buffer.from(JSON.stringify(body))
  const rawHeaders = ['host', url.host, ...Object.entries(headers).flat()]
  const signed = sign({ method: 'POST', target: path, rawHeaders, body: bytes }, await api.credentials(), {
    service,
    region,
  })
  const response = await fetchFn(url, {
    method: 'POST',
    headers: { ...headers, ...signed },
    body: bytes,
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  const text = await readText(response, maxBytes)
  if (text === undefined) throw new Error(`${service} answered with more than ${maxBytes / 1024 / 1024} MB`)
  if (!response.ok) throw new Error(`${service} answered ${response.status}: ${quoted(text)}`)
  return JSON.parse(text) as Record<string, unknown>
}
