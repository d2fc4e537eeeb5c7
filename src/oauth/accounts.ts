import type { Account } from 'oidc-provider'
import type { SealedTable } from './sealed-table.ts'

/** A person, as the last sign-in showed them. Nothing of what the upstream gave as tokens is in it. */
export interface Person {
  sub: string
  username: string
  groups: string[]
}

/** Asks upstream whether a person may still come in, and in which groups they are now; undefined when not. */
export type CheckPerson = (person: Person) => Promise<{ groups: string[] } | undefined>

export interface PersonAccount extends Account {
  person: Person
}

/** Longer than any grant lives, so that the grant ends first. */
const ttlS = 91 * 86_400

/** The people who have signed in. */
export class Accounts {
  readonly #table: SealedTable
  readonly #check: CheckPerson | undefined

  constructor(table: SealedTable, check?: CheckPerson) {
    this.#table = table
    this.#check = check
  }

  async save(person: Person): Promise<void> {
    await this.#table.write('Account', person.sub, person, { ttlS })
  }

  async find(sub: string, options: { fresh: boolean }): Promise<PersonAccount | undefined> {
    const known = (await this.#table.get<Person>('Account', sub))?.value
    if (!known) return undefined
    const now = options.fresh && this.#check ? await this.#check(known) : known
    if (!now) return undefined
    const person = { ...known, groups: now.groups }
    return { accountId: sub, person, claims: async () => ({ sub }) }
  }
}
