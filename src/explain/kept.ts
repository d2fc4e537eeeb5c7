import type { Decision } from '../aws/permissions.ts'
import type { SessionProcess } from '../http/note.ts'

/** One request as `.fairlead/requests.jsonl` keeps it: as it came, with its secrets masked and its body capped. */
export interface KeptRequest {
  id: string
  /** Milliseconds since 1970. */
  at: number
  platform: string
  method: string
  /** Path and query as on the wire, secrets masked. */
  target: string
  /** Name, value, name, value …, as on the wire, secrets masked. */
  headers: string[]
  /** As text, or base64 when it is none. */
  body?: string
  base64?: true
  bodyBytes: number
  /** Set when `body` is not the whole of it, or has a secret masked. */
  altered?: true
  /** Of the bytes that came, where the request was refused. */
  bodySha256?: string
  status: number
  ms: number
  /** Of a capture that leaves secrets out: what is not there may have been sent. */
  sanitised?: true
  /** Of the answer, where the request was refused. */
  answer?: { headers: string[]; body?: string }
  principal?: string
  /** The JSON-RPC method and the tool. */
  call?: string
  code?: string
  why?: string
  /** The Cedar policies of a gateway that decided. */
  policies?: readonly string[]
  decision?: Decision
  process?: SessionProcess
}

/** The value of a header, by its name in lower case. */
export function headerOf({ headers }: Pick<KeptRequest, 'headers'>, name: string): string | undefined {
  const at = headers.findIndex((each, place) => place % 2 === 0 && each.toLowerCase() === name)
  return at < 0 ? undefined : headers[at + 1]
}
