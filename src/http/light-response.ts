type Init = NonNullable<ConstructorParameters<typeof Response>[1]>

const Native = globalThis.Response

/**
 * A response whose body is text or nothing, without undici's body streams: on the hot path those cost more than the work.
 * `LightResponse.install()` puts it in the place of the global `Response`, for handlers that make theirs by that name;
 * for any other kind of body the real one is made, and `instanceof Response` holds for both.
 * @see https://github.com/honojs/node-server (which does the same by default)
 */
export class LightResponse {
  readonly status!: number
  readonly statusText!: string
  /** The whole body, at hand. */
  readonly lightBody!: string
  bodyUsed = false
  #given: Init['headers']
  #contentType!: string
  #headers: Headers | undefined

  constructor(
    body?: ConstructorParameters<typeof Response>[0],
    init: Init = {},
    contentType = 'text/plain;charset=UTF-8',
  ) {
    if (typeof body !== 'string') return new Native(body, init) as never
    this.status = init.status ?? 200
    this.statusText = ''
    this.lightBody = body
    this.#given = init.headers
    this.#contentType = contentType
  }

  get headers(): Headers {
    if (this.#headers) return this.#headers
    this.#headers = new Headers(this.#given)
    if (!this.#headers.has('content-type')) this.#headers.set('content-type', this.#contentType)
    return this.#headers
  }

  /** Name, value, name, value …, for a server to write: without a `Headers` where nobody asked for one. */
  flatHeaders(): string[] {
    const given = this.#given ?? {}
    if (this.#headers || given instanceof Headers || Symbol.iterator in given) return [...this.headers].flat()
    const flat = Object.entries(given as Record<string, string>).flat()
    const named = flat.some((text, at) => at % 2 === 0 && text.toLowerCase() === 'content-type')
    return named ? flat : [...flat, 'content-type', this.#contentType]
  }

  static install(): void {
    globalThis.Response = LightResponse as unknown as typeof Response
  }

  static json(data: unknown, init: Init = {}): LightResponse {
    return new LightResponse(JSON.stringify(data), init, 'application/json')
  }

  static error(): Response {
    return Native.error()
  }

  static redirect(...args: Parameters<typeof Native.redirect>): Response {
    return Native.redirect(...args)
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    return value instanceof Native || (typeof value === 'object' && value !== null && 'lightBody' in value)
  }

  get ok(): boolean {
    return this.status >= 200 && this.status < 300
  }

  get body(): ReadableStream<Uint8Array> | null {
    return new Native(this.lightBody).body
  }

  async text(): Promise<string> {
    this.bodyUsed = true
    return this.lightBody
  }

  async json(): Promise<unknown> {
    return JSON.parse(await this.text()) as unknown
  }

  async arrayBuffer(): Promise<ArrayBuffer> {
    return Uint8Array.from(Buffer.from(await this.text())).buffer
  }

  clone(): LightResponse {
    return this
  }
}
