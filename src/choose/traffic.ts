import { existsSync, readFileSync } from 'node:fs'
import { FairleadError } from '../errors.ts'
import { hoursAMonth, type Workload } from './workload.ts'

/** What a file of recorded requests says of a month. */
export interface Traffic {
  /** What was measured, and what follows for a month. */
  workload: Pick<Workload, 'calls' | 'sessions' | 'durationMs' | 'cpuMs' | 'requestKb' | 'responseKb'>
  records: number
  toolCalls: number
  /** From the first request to the last. */
  windowS: number
  from: string
  to: string
  /** Lines that could not be read, such as one half written. */
  skipped: number
}

interface Recorded {
  at: number
  ms: number
  requestBytes: number
  responseBytes: number
  tool?: string
}

const fewestCalls = 10
const shortestS = 60

/** Reads what the local stack recorded (the file, and `.1` before it) and scales it to a month. Throws TRAFFIC_TOO_LITTLE. */
export function readTraffic(file: string): Traffic {
  const lines = [`${file}.1`, file]
    .filter((each) => existsSync(each))
    .flatMap((each) => readFileSync(each, 'utf8').split('\n'))
    .filter((line) => line.trim() !== '')
  if (lines.length === 0) throw tooLittle(`There is no recorded request in ${file}`)
  const all = lines.flatMap((line) => recorded(line) ?? [])
  const tools = all.filter(({ tool }) => tool !== undefined)
  const times = all.map(({ at }) => at)
  const [from, to] = [least(times), most(times)]
  const windowS = (to - from) / 1000
  if (tools.length < fewestCalls)
    throw tooLittle(`${file} has ${tools.length} tool calls, and ${fewestCalls} are the least`)
  if (windowS < shortestS)
    throw tooLittle(`The requests in ${file} span ${windowS.toFixed(1)} s, and ${shortestS} s are the least`)
  const months = (hoursAMonth * 3600) / windowS
  const durationMs = Math.max(1, Math.round(mean(tools.map(({ ms }) => ms))))
  return {
    workload: {
      calls: Math.round(tools.length * months),
      // A legacy session opens with three requests that are no tool calls.
      sessions: Math.round(Math.min(tools.length, Math.max(1, (all.length - tools.length) / 3)) * months),
      durationMs,
      cpuMs: Math.min(30, durationMs),
      requestKb: mean(all.map(({ requestBytes }) => requestBytes)) / 1000,
      responseKb: mean(all.map(({ responseBytes }) => responseBytes)) / 1000,
    },
    records: all.length,
    toolCalls: tools.length,
    windowS,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    skipped: lines.length - all.length,
  }
}

function recorded(line: string): Recorded | undefined {
  try {
    const value = JSON.parse(line) as Partial<Record<keyof Recorded, unknown>> | null
    const { at, ms, requestBytes, responseBytes, tool } = value ?? {}
    if (![at, ms, requestBytes, responseBytes].every((each) => typeof each === 'number' && each >= 0)) return undefined
    return { at, ms, requestBytes, responseBytes, ...(typeof tool === 'string' ? { tool } : {}) } as Recorded
  } catch {
    return undefined
  }
}

function tooLittle(message: string): FairleadError {
  return new FairleadError('TRAFFIC_TOO_LITTLE', message)
}

function mean(values: number[]): number {
  return values.reduce((sum, each) => sum + each, 0) / values.length
}

function least(values: number[]): number {
  return values.reduce((a, b) => Math.min(a, b), Infinity)
}

function most(values: number[]): number {
  return values.reduce((a, b) => Math.max(a, b), 0)
}
