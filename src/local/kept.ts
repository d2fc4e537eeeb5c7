import { appendFileSync, existsSync, readFileSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { keptLine, type Facts, type Wire } from '../explain/keep.ts'
import type { KeptRequest } from '../explain/kept.ts'

const fileName = 'requests.jsonl'
const maxFileBytes = 8 * 1024 * 1024
const maxWaiting = 1000

/**
 * Keeps requests after the fact in .fairlead/requests.jsonl and, once that has 8 MB, one older file: a second terminal reads
 * them, also when the stack has ended. Secrets are masked before anything is written.
 */
export class KeptRequests {
  readonly #file: string
  #waiting: { facts: Facts; wire: Wire }[] = []

  constructor(stateDir: string) {
    this.#file = join(stateDir, fileName)
  }

  add(facts: Facts, wire: Wire): void {
    this.#waiting.push({ facts, wire })
    if (this.#waiting.length >= maxWaiting) this.flush()
  }

  flush(): void {
    if (this.#waiting.length === 0) return
    const lines = this.#waiting.map(({ facts, wire }) => keptLine(facts, wire))
    this.#waiting = []
    if (existsSync(this.#file) && statSync(this.#file).size > maxFileBytes) renameSync(this.#file, `${this.#file}.1`)
    appendFileSync(this.#file, `${lines.join('\n')}\n`, { mode: 0o600 })
  }
}

/** Reads what is kept of a project's requests, oldest first. A line that was cut by a crash is left out. */
export function readKept(projectDir: string): KeptRequest[] {
  const file = join(projectDir, '.fairlead', fileName)
  return [`${file}.1`, file]
    .filter(existsSync)
    .flatMap((each) => readFileSync(each, 'utf8').split('\n').flatMap(parsed))
}

function parsed(line: string): KeptRequest[] {
  try {
    return line === '' ? [] : [JSON.parse(line) as KeptRequest]
  } catch {
    return []
  }
}
