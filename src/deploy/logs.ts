import { setTimeout as after } from 'node:timers/promises'
import type { CloudWatchLogs } from '@aws-sdk/client-cloudwatch-logs'
import { FairleadError } from '../errors.ts'
import { asAwsError } from './aws-error.ts'

export interface LogLine {
  at: Date
  stream: string
  message: string
}

export interface LogOptions {
  since: Date
  /** Goes on for ever, until the signal. */
  follow?: boolean
  signal?: AbortSignal
  everyMs?: number
}

/** Reads a log group, oldest line first; with `follow` also what comes later. No line comes twice. */
export async function* readLogs(
  logs: CloudWatchLogs,
  group: string,
  { since, follow = false, signal, everyMs = 2000 }: LogOptions,
): AsyncGenerator<LogLine> {
  // Lines arrive late and out of order, so the last half minute is read again each time.
  const overlapMs = 30_000
  const seen = new Map<string, number>()
  let from = since.getTime()
  for (;;) {
    let newest = from
    for await (const { eventId = '', timestamp = 0, logStreamName = '', message = '' } of pages(logs, group, from)) {
      if (seen.has(eventId)) continue
      seen.set(eventId, timestamp)
      newest = Math.max(newest, timestamp)
      yield { at: new Date(timestamp), stream: logStreamName, message: message.trimEnd() }
    }
    if (!follow || signal?.aborted) return
    from = Math.max(since.getTime(), newest - overlapMs)
    for (const [id, at] of seen) if (at < from) seen.delete(id)
    if (!(await waited(everyMs, signal))) return
  }
}

async function* pages(logs: CloudWatchLogs, logGroupName: string, startTime: number) {
  let nextToken: string | undefined
  do {
    try {
      const page = await logs.filterLogEvents({ logGroupName, startTime, ...(nextToken ? { nextToken } : {}) })
      nextToken = page.nextToken
      yield* page.events ?? []
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException')
        throw new FairleadError('STACK_NOT_DEPLOYED', `There is no log group ${logGroupName}`, {
          why: 'A log group is made with the stack, or when something first writes to it.',
          cause: error,
        })
      throw asAwsError(error, 'Reading the logs')
    }
  } while (nextToken)
}

async function waited(ms: number, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await after(ms, undefined, signal ? { signal } : {})
    return true
  } catch {
    return false
  }
}
