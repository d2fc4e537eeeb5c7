import type { CauseId } from './sigv4-causes.ts'

/** Everything that goes into a signature. */
export interface Signing {
  method: string
  /** The second and third line of the canonical request. */
  uri: string
  query: string
  headers: ReadonlyMap<string, string>
  signedHeaders: readonly string[]
  payloadHash: string
  amzDate: string
  /** Of the string to sign. */
  scope: string
  /** Of the derivation of the key. */
  keyScope: string
  secret: string
}

/** One way in which a client may have calculated otherwise, or a hop have changed what was signed. */
export interface Patch {
  cause: CauseId
  set: Partial<Omit<Signing, 'headers'>>
  /** Values of headers as the client had them. */
  headers?: Record<string, string>
  /** Too rare to come together with another fault. */
  rare?: true
}

export interface Material {
  method: string
  target: string
  rawHeaders: readonly string[]
  /** Absent when it is not at hand; `said` is then all there is. */
  body?: Uint8Array
  signed: Signing
  /** Secrets that other keys have. */
  otherSecrets: readonly string[]
  /** Names under which the endpoint is known, with ports. */
  hosts: readonly string[]
}

export function rare(patch: Patch): Patch {
  return { ...patch, rare: true }
}
