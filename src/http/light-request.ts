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
    /** Those of `rawHeaders`, where they are known. */
    headers?: LightHeaders
  }) {
    this.method = parts.method
    this.#origin = parts.origin
    this.target = parts.target
    this.rawHeaders = parts.rawHeaders
    this.headers = parts.headers ?? new LightHeaders(parts.rawHeaders)
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
    const rest: string[] = []
    for (let at = 0; at + 1 < this.rawHeaders.length; at += 2)
      if (!names.includes(this.rawHeaders[at]!.toLowerCase())) rest.push(this.rawHeaders[at]!, this.rawHeaders[at + 1]!)
    return this.withHeaders(rest, this.headers.without(names))
  }

  /** The same request with other headers. */
  withHeaders(rawHeaders: readonly string[], headers = new LightHeaders(rawHeaders)): LightRequest {
    const light = new LightRequest({
      headers,
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
  readonly #map: Map<string, string>

  constructor(raw: readonly string[], known?: ReadonlyMap<string, string>) {
    this.#map = new Map(known)
    for (let at = 0; at + 1 < raw.length; at += 2) {
      const name = raw[at]!.toLowerCase()
      const before = this.#map.get(name)
      this.#map.set(name, before === undefined ? raw[at + 1]! : `${before}, ${raw[at + 1]!}`)
    }
  }

  /** The same without some, named in lower case. */
  without(names: readonly string[]): LightHeaders {
    const rest = new LightHeaders([], this.#map)
    for (const name of names) rest.#map.delete(name)
    return rest
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
