import type { Answer } from './runtime-api.ts'

/** What a function may answer at once, with its envelope. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25) */
const maxBytes = 6_291_556

/** Reads to the end, and keeps no more than a function may answer: undefined when there was more. */
export async function readWhole(chunks: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const kept: Buffer[] = []
  let size = 0
  for await (const chunk of chunks) {
    size += chunk.length
    if (size <= maxBytes) kept.push(chunk)
  }
  return size <= maxBytes ? Buffer.concat(kept) : undefined
}

/** Gives a call its answer, or what Lambda says of one that is too large; tells whether it was taken. */
export function answerWhole(answer: Answer, payload: Buffer | undefined): boolean {
  const taken = payload !== undefined && payload.length <= maxBytes
  if (taken) answer.buffered(payload)
  else answer.error(tooLarge.errorType, Buffer.from(JSON.stringify(tooLarge)))
  return taken
}

const tooLarge = {
  errorType: 'Function.ResponseSizeTooLarge',
  errorMessage: `Response payload size exceeded maximum allowed payload size (${maxBytes} bytes).`,
}
