import { canonicalHeaders, parseQuery, splitTarget } from '../../auth/sigv4/canonical.ts'
import type { Credentials } from '../../auth/sigv4/credentials.ts'

export interface Parts {
  method: string
  target: string
  rawHeaders: readonly string[]
  body: Uint8Array
}

/** What a client signs with. */
export interface Client extends Credentials {
  service: string
  region: string
  now: number
  /** Signs the query for that many seconds, as a presigned URL. */
  presignS?: number
}

/** What goes into a signature, for a fault to get wrong. */
export interface Draft {
  method: string
  uri: string
  query: string
  headers: Map<string, string>
  signedHeaders: string[]
  payloadHash: string
  keyScope: string
  secret: string
}

export interface SignatureFault {
  does: string
  /** What the client sends, so that the fault shows. */
  wire?: (parts: Parts) => Parts
  /** Who the client thinks it is. */
  client?: (client: Client, others: readonly Credentials[]) => Client
  /** How it calculates otherwise than AWS says. */
  signs?: (draft: Draft, parts: Parts) => Partial<Draft>
  /** What happens to the request after it was signed. */
  sends?: (parts: Parts) => Parts
}

export const without = (parts: Parts, name: string): Parts => ({
  ...parts,
  rawHeaders: parts.rawHeaders.filter((_, at, all) => all[at - (at % 2)]!.toLowerCase() !== name),
})
export const add = (parts: Parts, name: string, value: string): Parts => ({
  ...parts,
  rawHeaders: [...parts.rawHeaders, name, value],
})
export const set = (parts: Parts, name: string, value: string) => add(without(parts, name), name, value)
export const header = (parts: Parts, name: string) => canonicalHeaders(parts.rawHeaders).get(name) ?? ''
export const queried =
  (query: () => string) =>
  (parts: Parts): Parts => ({ ...parts, target: `${parts.target}${parts.target.includes('?') ? '&' : '?'}${query()}` })
export const pathOf = (parts: Parts) => splitTarget(parts.target).path
export const pairsOf = (parts: Parts) => parseQuery(splitTarget(parts.target).query)

export function withPath(target: string, change: (path: string) => string): string {
  const { path, query } = splitTarget(target)
  return query === '' ? change(path) : `${change(path)}?${query}`
}
