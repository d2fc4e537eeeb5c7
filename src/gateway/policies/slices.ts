import type { PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Cedar } from './cedar.ts'
import { actionsOf, isToolGroup } from './statements.ts'

/** The policies that can apply to a tool. */
export interface Slice {
  /** The same for tools that the same policies decide on. */
  key: string
  empty: boolean
  texts: Record<string, string>
  forbids: ReadonlySet<string>
  /** Of the set that Cedar has parsed, once it has. */
  id?: string
  cedar: Cedar
}

interface Parsed {
  name: string
  text: string
  json: PolicyJson
  /** Undefined: for every tool. */
  actions: ReadonlySet<string> | undefined
  /** Its condition depends on which tool it is. */
  asksForAction: boolean
}

/** Policies by the tools that they are for: Cedar looks at each policy that it is given. */
export class Slices {
  readonly #cedar: Cedar
  readonly #policies: Parsed[]
  readonly #byKey = new Map<string, Slice>()
  readonly #byAction = new Map<string, Slice>()

  constructor(cedar: Cedar, policies: readonly { name: string; text: string }[]) {
    this.#cedar = cedar
    this.#policies = policies.map(({ name, text }) => parsed(cedar, name, text))
  }

  /** Of a tool that there is: its slice is kept. */
  of(action: string): Slice {
    let slice = this.#byAction.get(action)
    if (!slice) this.#byAction.set(action, (slice = this.#make(action)))
    return slice
  }

  #make(action: string): Slice {
    const chosen = this.#policies.filter(({ actions }) => !actions || actions.has(action))
    const own = chosen.some(({ asksForAction }) => asksForAction) ? [action] : []
    const key = [...chosen.map(({ name }) => name), ...own].join(' ')
    const known = this.#byKey.get(key)
    if (known) return known
    const slice: Slice = {
      key,
      empty: chosen.length === 0,
      texts: Object.fromEntries(chosen.map(({ name, text }) => [name, text])),
      forbids: new Set(chosen.filter(({ json }) => json.effect === 'forbid').map(({ name }) => name)),
      cedar: this.#cedar,
    }
    this.#byKey.set(key, slice)
    return slice
  }

  close(): void {
    for (const slice of this.#byKey.values()) forget(slice)
  }
}

function parsed(cedar: Cedar, name: string, text: string): Parsed {
  const answer = cedar.policyToJson(text)
  if (answer.type === 'failure') throw new Error(`the policy ${name} cannot be read: ${answer.errors[0]?.message}`)
  const { json } = answer
  const actions = actionsOf(json)
  const asksForAction = JSON.stringify(json.conditions).includes('{"Var":"action"}')
  return {
    name,
    text,
    json,
    actions: actions?.some(isToolGroup) ? undefined : actions && new Set(actions),
    asksForAction,
  }
}

/** Cedar keeps parsed sets for as long as its process lives, by name: names are used again. */
const free: string[] = []
let made = 0

/** The name of a slice's set, which Cedar parses when it is first asked for. */
export function preparse(slice: Slice): string {
  if (slice.id !== undefined) return slice.id
  const id = free.pop() ?? `fairlead-${made++}`
  const answer = slice.cedar.preparsePolicySet(id, { staticPolicies: slice.texts })
  if (answer.type === 'failure') {
    free.push(id)
    throw new Error(answer.errors[0]?.message)
  }
  slice.id = id
  return id
}

/** A call that comes late has it parsed again, under a name that is its own. */
function forget(slice: Slice): void {
  const { id, cedar } = slice
  if (id === undefined) return
  delete slice.id
  cedar.preparsePolicySet(id, { staticPolicies: {} })
  free.push(id)
}
