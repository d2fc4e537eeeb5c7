/** One MCP server that tokens are issued for. */
export interface ProtectedResource {
  /** Its canonical URI: the audience of its tokens. */
  resource: string
  /** The first half of its scopes on the wire. */
  name: string
  /** A scope without `groups` is everyone's; with them, of people who are in one of them. */
  scopes: Record<string, { description: string; groups?: string[] }>
}

export interface Scope {
  /** `name/key` */
  value: string
  description: string
  groups?: string[]
}

/** What the service protects: the resources, their scopes, and who may have which. */
export class Resources {
  #all: readonly ProtectedResource[]
  readonly #base: readonly string[] | undefined

  constructor(all: readonly ProtectedResource[], baseScopes?: readonly string[]) {
    this.#all = all
    this.#base = baseScopes
  }

  /** The whole list anew. */
  replace(all: readonly ProtectedResource[]): void {
    this.#all = all
  }

  get empty(): boolean {
    return this.#all.length === 0
  }

  /** The first; nothing that anybody has while there is none. */
  get default(): string {
    return this.#all[0]?.resource ?? ''
  }

  has(resource: unknown): resource is string {
    return this.#all.some((one) => one.resource === resource)
  }

  name(resource: string): string {
    return this.#find(resource)?.name ?? resource
  }

  scopes(resource: string): Scope[] {
    const found = this.#find(resource)
    return Object.entries(found?.scopes ?? {}).map(([key, scope]) => ({ value: `${found!.name}/${key}`, ...scope }))
  }

  every(): string[] {
    return [...new Set(this.#all.flatMap(({ resource }) => this.scopes(resource).map(({ value }) => value)))]
  }

  /** What a person in these groups may have. */
  ofPerson(resource: string, groups: readonly string[]): string[] {
    return this.scopes(resource)
      .filter((scope) => !scope.groups || scope.groups.some((group) => groups.includes(group)))
      .map(({ value }) => value)
  }

  /** What a machine may have: the keys that it was given, else what is everyone's. */
  ofMachine(resource: string, keys?: readonly string[]): string[] {
    if (!keys) return this.ofPerson(resource, [])
    const wire = new Set(keys.map((key) => `${this.name(resource)}/${key}`))
    return this.scopes(resource).flatMap(({ value }) => (wire.has(value) ? [value] : []))
  }

  /** What a client gets that asks for none: `baseScopes`, else what is everyone's, else all. */
  base(resource: string): string[] {
    if (this.#base) return this.ofMachine(resource, this.#base)
    const open = this.ofPerson(resource, [])
    return open.length > 0 ? open : this.scopes(resource).map(({ value }) => value)
  }

  #find(resource: string): ProtectedResource | undefined {
    return this.#all.find((one) => one.resource === resource)
  }
}
