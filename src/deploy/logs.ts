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
  /** Told once when following has to wait for something. */
  note?: (line: string) => void
}

/** Lines arrive late and out of order, so the last half minute is read again each time. */
const overlapMs = 30_000

/** How long it takes at most until AWS is asked again. */
const longestMs = 30_000

/**
 * Reads a log group, oldest line first; with `follow` also what comes later, of streams that are new too. No line comes
 * twice. Following waits for a group that is not there yet, and through throttling and a lost network. Throws
 * STACK_NOT_DEPLOYED, and what `asAwsError` makes of AWS's answers.
 */
export async function* readLogs(
  logs: CloudWatchLogs,
  group: string,
  { since, follow = false, signal, everyMs = 2000, note = () => {} }: LogOptions,
): AsyncGenerator<LogLine> {
  const seen = new Map<string, number>()
  let newest = since.getTime()
  let refused = 0
  for (;;) {
    const from = Math.max(since.getTime(), newest - overlapMs)
    for (const [id, at] of seen) if (at < from) seen.delete(id)
    try {
      for await (const { eventId = '', timestamp = 0, logStreamName = '', message = '' } of pages(
        logs,
        group,
        from,
        signal,
      )) {
        // prettier-ignore
        refused = 0
        if (seen.has(eventId)) continue
        seen.set(eventId, timestamp)
        newest = Math.max(newest, timestamp)
        yield { at: new Date(timestamp), stream: logStreamName, message: message.trimEnd() }
      }
      refused = 0
    } catch (error) {
      if (signal?.aborted) return
      const why = follow ? passing(error as FairleadError, group) : undefined
      if (!why) throw error
      if (refused++ === 0) note(`! ${why}`)
    }
    if (!follow || signal?.aborted) return
    if (!(await waited(Math.min(everyMs * 2 ** refused, Math.max(longestMs, everyMs)), signal))) return
  }
}

/** What is said of an error that waiting may mend. */
function passing({ code, message }: FairleadError, group: string): string | undefined {
  if (code === 'STACK_NOT_DEPLOYED') return `There is no log group ${group} yet; waiting for it`
  if (code === 'AWS_THROTTLED' || code === 'UNREACHABLE') return `${message}; it is asked again`
  return undefined
}

async function* pages(logs: CloudWatchLogs, logGroupName: string, startTime: number, abortSignal?: AbortSignal) {
  let nextToken: string | undefined
  do {
    try {
      const asked = { logGroupName, startTime, ...(nextToken ? { nextToken } : {}) }
      const page = await logs.filterLogEvents(asked, abortSignal ? { abortSignal } : {})
      nextToken = page.nextToken
      yield* page.events ?? []
    } catch (error) {
      if ((error as Error).name === 'ResourceNotFoundException')
        throw new FairleadError('STACK_NOT_DEPLOYED', `There is no log group ${logGroupName}`, {
          why: 'A log group is made with the stack, or when something first writes to it.',
          fix: 'Call the endpoint once; --follow waits for the first line.',
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
