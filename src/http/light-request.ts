import type { Call } from './call.ts'

/**
 * A request whose body has been read already, without undici's Request: on the hot path that class alone costs
 * more than the work. It has what a FetchHandler uses of `Request`, and beside it the wire's own spelling,
 * which signatures need: the raw target and the headers before Node joined or lowercased them.
 */
export class LightRequest {
  readonly method: string
  /** As on the wire: path and query, undecoded. */
  readonly target: string
  /** Name, value, name, value …, as on the wire. */
  readonly rawHeaders: readonly string[]
  readonly headers: LightHeaders
  readonly bytes: Uint8Array
  readonly signal: AbortSignal
  readonly #origin: string
  /** The body as JSON, when somebody has parsed it. */
  parsed: { value: unknown } | undefined
  /** What it is, for code that sees the request alone, where somebody observes it. */
  call: Call | undefined

  constructor(parts: {
    method: string
    origin: string
    target: string
    rawHeaders: readonly string[]
    bytes: Uint8Array
    signal: AbortSignal
  }) {
    this.method = parts.method
    this.#origin = parts.origin
    this.target = parts.target
    this.rawHeaders = parts.rawHeaders
    this.headers = new LightHeaders(parts.rawHeaders)
    this.bytes = parts.bytes
    this.signal = parts.signal
  }

  get url(): string {
    return this.#origin + this.target
  }

  get body(): ReadableStream<Uint8Array> | null {
    return this.bytes.byteLength === 0 ? null : (new Blob([this.bytes]).stream() as ReadableStream<Uint8Array>)
  }

  async text(): Promise<string> {
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength).toString('utf8')
  }

  /** Parses the body once, however often it is asked for. */
  async json(): Promise<unknown> {
    this.parsed ??= { value: JSON.parse(await this.text()) as unknown }
    return this.parsed.value
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    // Not `slice`: of a Buffer it is a view, and `buffer` would be the pool that many small Buffers share.
    return new Uint8Array(this.bytes).buffer
  }

  clone(): this {
    return this
  }

  /** The same request without some of its headers, named in lower case. */
  without(names: readonly string[]): LightRequest {
    return this.withHeaders(this.rawHeaders.filter((_, at, all) => !names.includes(all[at - (at % 2)]!.toLowerCase())))
  }

  /** The same request with other headers. */
  withHeaders(rawHeaders: readonly string[]): LightRequest {
    const light = new LightRequest({
      method: this.method,
      origin: this.#origin,
      target: this.target,
      rawHeaders,
      bytes: this.bytes,
      signal: this.signal,
    })
    light.parsed = this.parsed
    light.call = this.call
    return light
  }
}

/** The read side of `Headers`, case-insensitive; repeated headers are joined with ", " as the Fetch standard does. */
export class LightHeaders implements Iterable<[string, string]> {
  readonly #map = new Map<string, string>()

  constructor(raw: readonly string[]) {
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at]!.toLowerCase()
      const before = this.#map.get(name)
      this.#map.set(name, before === undefined ? raw[at + 1]! : `${before}, ${raw[at + 1]!}`)
    }
  }

  get(name: string): string | null {
    return this.#map.get(name) ?? this.#map.get(name.toLowerCase()) ?? null
  }

  has(name: string): boolean {
    return this.#map.has(name) || this.#map.has(name.toLowerCase())
  }

  forEach(visit: (value: string, name: string) => void): void {
    for (const [name, value] of this.#map) visit(value, name)
  }

  entries(): IterableIterator<[string, string]> {
    return this.#map.entries()
  }

  keys(): IterableIterator<string> {
    return this.#map.keys()
  }

  [Symbol.iterator](): IterableIterator<[string, string]> {
    return this.#map.entries()
  }
}

/** Passes a LightRequest where a FetchHandler wants a Request: it has every member that our handlers and the SDK use. */
export function asRequest(light: LightRequest): Request {
  return light as unknown as Request
}
