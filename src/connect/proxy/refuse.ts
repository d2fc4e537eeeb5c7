import type { Readable, Writable } from 'node:stream'
import type { FairleadError } from '../../errors.ts'
import { readJsonLines } from '../../server/json-lines.ts'
import { errorFor, isRequest, type Message } from './message.ts'
import { rpcErrorOf } from './refusal.ts'

/**
 * Answers a client's first request with an error, for a proxy that cannot begin: clients show that, and few show stderr.
 * Done when it was answered, when the input ends, or when no request comes for ten seconds.
 */
export async function refuseFirst(
  error: FairleadError,
  { input, output, waitMs = 10_000 }: { input: Readable; output: Writable; waitMs?: number },
): Promise<void> {
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(done, waitMs)
    input.once('end', done).once('close', done)
    let answered = false
    readJsonLines(input, {
      onMessage: (given) => {
        const message = given as unknown as Message
        if (answered || !isRequest(message)) return
        answered = true
        output.write(`${JSON.stringify(errorFor(message.id, rpcErrorOf(error)))}\n`, done)
      },
      onGarbage: () => {},
      onTooLong: () => {},
    })
  })
}
