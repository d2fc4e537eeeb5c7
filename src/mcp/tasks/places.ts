/** Counts what runs in this process, in all and for each principal, so that many calls at once keep to the bounds too. */
export class Places {
  readonly #max: number
  readonly #maxEach: number
  readonly #taken = new Map<string, number>()
  #all = 0

  constructor(max: number, maxEach: number) {
    this.#max = max
    this.#maxEach = maxEach
  }

  get full(): boolean {
    return this.#all >= this.#max
  }

  take(principal: string): boolean {
    const taken = this.#taken.get(principal) ?? 0
    if (this.full || taken >= this.#maxEach) return false
    this.#taken.set(principal, taken + 1)
    this.#all++
    return true
  }

  leave(principal: string): void {
    const taken = this.#taken.get(principal) ?? 0
    if (taken > 1) this.#taken.set(principal, taken - 1)
    else this.#taken.delete(principal)
    this.#all--
  }
}
