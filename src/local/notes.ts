import type { Note } from '../http/note.ts'

const kept = 1000

/** Collects what processes say of their requests in their logs, so that the stack's own log can say it beside each request. */
export class Notes {
  readonly #notes = new Map<string, Note>()
  readonly #waiting = new Map<string, (note: Note) => void>()

  /** Takes a line of a process's log. Says whether it was an audit line, which nobody else needs to see. */
  take(line: string): boolean {
    if (!line.startsWith('{"audit":')) return false
    try {
      const { audit } = JSON.parse(line) as { audit: Note & { requestId: string } }
      const { requestId, code, why, principal } = audit
      const note = { ...(code ? { code } : {}), ...(why ? { why } : {}), ...(principal ? { principal } : {}) }
      const waiting = this.#waiting.get(requestId)
      if (waiting) waiting(note)
      else this.#notes.set(requestId, note)
      if (this.#notes.size > kept) this.#notes.delete(this.#notes.keys().next().value!)
      return true
    } catch {
      return false
    }
  }

  /** What was said of a request. The line may come a moment after the answer did. */
  async of(requestId: string): Promise<Note> {
    const found = this.#notes.get(requestId)
    this.#notes.delete(requestId)
    if (found) return found
    return new Promise((resolve) => {
      const finish = (note: Note) => {
        clearTimeout(timer)
        this.#waiting.delete(requestId)
        resolve(note)
      }
      const timer = setTimeout(() => finish({}), 100).unref()
      this.#waiting.set(requestId, finish)
    })
  }
}
