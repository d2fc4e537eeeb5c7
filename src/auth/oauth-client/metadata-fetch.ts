import { lightFetch } from '../../http/light-fetch.ts'
import { readText } from '../../http/quoted.ts'

const maxBytes = 1024 * 1024
const timeoutMs = 30_000

/**
 * Reads metadata for the SDK's discovery, which uses of an answer its status, its headers and its text: without undici,
 * which a proxy whose tokens are kept has no other use for. It waits half a minute and reads a megabyte at most.
 */
export async function metadataFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const { method = 'GET', headers, body } = init
  const url = input as string | URL
  const answer = await lightFetch(url, {
    method,
    headers: headers as Record<string, string>,
    signal: AbortSignal.timeout(timeoutMs),
    ...(typeof body === 'string' ? { body } : {}),
  })
  const text = async () => {
    const whole = await readText(answer, maxBytes)
    if (whole === undefined) throw new RangeError('the answer is larger than 1 MB')
    return whole
  }
  const { status, ok, body: stream } = answer
  return {
    status,
    ok,
    headers: answer.headers,
    body: stream,
    text,
    json: async () => JSON.parse(await text()) as unknown,
  } as unknown as Response
}
