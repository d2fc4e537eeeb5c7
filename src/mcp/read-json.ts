import type { LightRequest } from '../http/light-request.ts'
import { decodeUtf8, isDeeperThan } from './json-rpc.ts'

/** What may be read: larger or deeper is nothing. */
export const jsonLimits = { maxBodyBytes: 4 * 1024 * 1024, maxDepth: 64 } as const

/** Parses a request's body once, however many ask; undefined when it is not JSON, or larger or deeper than it may be. */
export async function parseJson(request: Request): Promise<{ value: unknown } | undefined> {
  const light = request as unknown as Partial<LightRequest>
  if (light.parsed) return light.parsed
  // `Request` has a method of the name `bytes`.
  const known = light.bytes instanceof Uint8Array ? light.bytes : undefined
  const bytes = known ?? new Uint8Array(await request.clone().arrayBuffer())
  if (bytes.byteLength > jsonLimits.maxBodyBytes || isDeeperThan(bytes, jsonLimits.maxDepth)) return undefined
  try {
    const parsed = { value: JSON.parse(decodeUtf8(bytes)) as unknown }
    if (known) (request as unknown as LightRequest).parsed = parsed
    return parsed
  } catch {
    return undefined
  }
}
