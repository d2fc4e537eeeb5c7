import { FairleadError } from '../../errors.ts'
import { lineMaker } from './line.ts'
import { observe, type Observation, type Observed } from './observed.ts'
import { otlpExporter } from './otlp.ts'
import { spanOf } from './span.ts'

export interface Observer extends Observation {
  /** Sends what waits: before a process is frozen or ends. */
  flush(timeoutMs?: number): Promise<void>
}

/** How long an invocation of Lambda may wait, behind its answer, until its spans are taken. */
export const lambdaFlushMs = 1000

export interface ObserverOptions {
  /** Takes lines that must stand alone on their line. */
  write?: (line: string) => void
  fetch?: typeof fetch
}

/**
 * Makes what observes the calls of this process: log, audit and metric lines where FAIRLEAD_METRICS is `emf`, spans where
 * OTEL_EXPORTER_OTLP_ENDPOINT names a collector. Undefined where neither is set, and then a call costs nothing more.
 * Throws SETTING_INVALID.
 */
export function observerOf(env: NodeJS.ProcessEnv, options: ObserverOptions = {}): Observer | undefined {
  const { write = writeLine } = options
  const server = env.FAIRLEAD_SERVER || env.AWS_LAMBDA_FUNCTION_NAME || 'fairlead'
  const platform = env.FAIRLEAD_PLATFORM || 'local'
  const line = emfIsOn(env) ? lineMaker({ server, platform }) : undefined
  const spans = otlpExporter(env, {
    resource: { 'service.name': server, 'fairlead.platform': platform },
    log: write,
    ...(options.fetch ? { fetch: options.fetch } : {}),
  })
  if (!line && !spans) return undefined
  const tell = (observed: Observed) => {
    if (line) write(line(observed))
    if (spans && observed.call.sampled && observed.call.method !== undefined) spans.add(spanOf(observed))
  }
  return { ...observe(tell), flush: async (timeoutMs) => spans?.flush(timeoutMs) }
}

function emfIsOn({ FAIRLEAD_METRICS: value }: NodeJS.ProcessEnv): boolean {
  if (value === undefined || value === '' || value === 'off') return false
  if (value === 'emf') return true
  throw new FairleadError('SETTING_INVALID', `FAIRLEAD_METRICS is ${JSON.stringify(value)}: it may be emf or off`)
}

/** Not by console: CloudWatch takes metrics from a line that is JSON alone, and Lambda's console puts the time in front. */
function writeLine(line: string): void {
  process.stdout.write(`${line}\n`)
}
