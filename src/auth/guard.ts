import type { ErrorCode } from '../errors.ts'
import type { Principal } from '../http/fetch-handler.ts'

/** What inbound authentication found: who calls, or the answer that refuses, with our own code and cause for the log. */
export type Admission =
  | { ok: true; principal: Principal }
  | { ok: false; response: Response; code: ErrorCode; why: string; principal?: string }

/** Inbound authentication of one endpoint. It never throws for what a client sent. */
export type Guard = (request: Request) => Promise<Admission>
