import { FairleadError } from '../../errors.ts'
import { attributesOf } from './span.ts'

export interface SpanExporter {
  /** A span as OTLP's JSON has it. */
  add(span: string): void
  /** Sends what waits, and gives up after `timeoutMs`: spans are not worth a call. */
  flush(timeoutMs?: number): Promise<void>
  close(): Promise<void>
}

export interface OtlpOptions {
  /** Of the process: `service.name` and the like. */
  resource: Record<string, string>
  log: (line: string) => void
  fetch?: typeof fetch
}

/** What may wait, what goes at once, and how long it waits. @see https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#batch-span-processor */
const limits = { queue: 2048, batch: 512, delayMs: 5000, timeoutMs: 10_000 }

/**
 * Exports spans by OTLP over HTTP as JSON, where OTEL_EXPORTER_OTLP_ENDPOINT or OTEL_EXPORTER_OTLP_TRACES_ENDPOINT names a
 * collector; undefined where neither does. What a collector does not take in time is dropped and counted in a log line.
 * Throws SETTING_INVALID.
 * @see https://opentelemetry.io/docs/specs/otlp/#otlphttp
 */
export function otlpExporter(env: NodeJS.ProcessEnv, options: OtlpOptions): SpanExporter | undefined {
  const url = endpointOf(env)
  if (!url) return undefined
  const { log, fetch: send = fetch } = options
  const headers = { ...headersOf(env), 'content-type': 'application/json' }
  const head = `{"resourceSpans":[{"resource":{"attributes":${resourceOf(env, options.resource)}},"scopeSpans":[{"scope":{"name":"fairlead"},"spans":[`
  const waiting: string[] = []
  let timer: NodeJS.Timeout | undefined
  let dropped = 0
  let sending: Promise<void> | undefined

  async function sendAll(): Promise<void> {
    while (waiting.length > 0) {
      const spans = waiting.splice(0, limits.batch)
      const body = `${head}${spans.join()}]}]}]}`
      const failure = await post(body)
      if (failure === undefined) continue
      dropped += spans.length + waiting.splice(0).length
      log(
        JSON.stringify({
          level: 'warn',
          message: `Spans could not be exported to ${url!.origin}: ${failure}`,
          dropped,
        }),
      )
      dropped = 0
    }
  }

  async function post(body: string): Promise<string | undefined> {
    try {
      const signal = AbortSignal.timeout(limits.timeoutMs)
      const response = await send(url!, { method: 'POST', headers, body, redirect: 'manual', signal })
      await response.body?.cancel()
      return response.ok ? undefined : `it answered ${response.status}`
    } catch (error) {
      return error instanceof Error && error.name === 'TimeoutError'
        ? 'it did not answer in time'
        : 'it was not reached'
    }
  }

  async function flush(timeoutMs = limits.timeoutMs): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    sending ??= sendAll().finally(() => (sending = undefined))
    let over: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => (over = setTimeout(resolve, timeoutMs)))
    await Promise.race([sending, late])
    clearTimeout(over)
  }

  return {
    add: (span) => {
      if (waiting.length >= limits.queue) return void dropped++
      waiting.push(span)
      if (waiting.length >= limits.batch) void flush()
      else timer ??= setTimeout(() => void flush(), limits.delayMs).unref()
    },
    flush,
    close: flush,
  }
}

function endpointOf(env: NodeJS.ProcessEnv): URL | undefined {
  const [own, general] = [env.OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, env.OTEL_EXPORTER_OTLP_ENDPOINT]
  if (!own && !general) return undefined
  if (env.OTEL_SDK_DISABLED === 'true' || env.OTEL_TRACES_EXPORTER === 'none') return undefined
  const protocol = env.OTEL_EXPORTER_OTLP_TRACES_PROTOCOL ?? env.OTEL_EXPORTER_OTLP_PROTOCOL
  if (protocol === 'grpc')
    throw new FairleadError(
      'SETTING_INVALID',
      'OTEL_EXPORTER_OTLP_PROTOCOL is grpc: spans are exported by http/json alone',
    )
  const text = own || `${general!.replace(/\/+$/, '')}/v1/traces`
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new FairleadError('SETTING_INVALID', 'OTEL_EXPORTER_OTLP_ENDPOINT is not a URL')
  return new URL(text)
}

/** `name=value,name=value`, the values percent-encoded. */
function headersOf(env: NodeJS.ProcessEnv): Record<string, string> {
  return pairsOf(env.OTEL_EXPORTER_OTLP_TRACES_HEADERS ?? env.OTEL_EXPORTER_OTLP_HEADERS)
}

function resourceOf(env: NodeJS.ProcessEnv, own: Record<string, string>): string {
  const named = env.OTEL_SERVICE_NAME ? { 'service.name': env.OTEL_SERVICE_NAME } : {}
  return attributesOf(Object.entries({ ...own, ...pairsOf(env.OTEL_RESOURCE_ATTRIBUTES), ...named }))
}

function pairsOf(text = ''): Record<string, string> {
  const pairs = text.split(',').map((pair) => /^\s*([^=\s]+)\s*=\s*(.*?)\s*$/.exec(pair))
  return Object.fromEntries(pairs.flatMap((found) => (found ? [[found[1]!, decoded(found[2]!)]] : [])))
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
