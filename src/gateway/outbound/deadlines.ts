interface Deadline {
  at: number
  late: () => void
}

/** Ends what takes too long, to a tenth of a second: one timer for all, which runs only while there is something to wait for. */
export class Deadlines {
  readonly #waiting = new Set<Deadline>()
  #timer: NodeJS.Timeout | undefined

  /** Calls `late` once when the time is over; gives back the way to forget it. */
  add(ms: number, late: () => void): () => void {
    const deadline = { at: performance.now() + ms, late }
    this.#waiting.add(deadline)
    this.#timer ??= setInterval(() => this.#look(), 100).unref()
    return () => void this.#waiting.delete(deadline)
  }

  #look(): void {
    const now = performance.now()
    for (const each of this.#waiting)
      if (each.at <= now) {
        this.#waiting.delete(each)
        each.late()
      }
    if (this.#waiting.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
