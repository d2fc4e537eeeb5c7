/** Reads server-sent events from pieces of text, however they are cut. Only `data` matters to MCP. */
export class EventReader {
  #rest = ''
  #data: string[] = []
  readonly #onData: (data: string) => void

  constructor(onData: (data: string) => void) {
    this.#onData = onData
  }

  push(text: string): void {
    this.#rest += text
    for (;;) {
      const at = this.#rest.search(/\r\n|\n|\r(?=[^\n])/)
      if (at < 0) return
      const line = this.#rest.slice(0, at)
      this.#rest = this.#rest.slice(at + (this.#rest.startsWith('\r\n', at) ? 2 : 1))
      this.#line(line)
    }
  }

  #line(line: string): void {
    if (line === '') {
      if (this.#data.length > 0) this.#onData(this.#data.join('\n'))
      this.#data = []
    } else if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
  }
}
