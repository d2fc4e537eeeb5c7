import type { EntityUidJson, PolicyJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Cedar } from './cedar.ts'
import { readsOf, together, type Reads } from './reads.ts'
import { actionsOf, isForEveryTool } from './statements.ts'

/** Policies that are asked together. */
export interface Part {
  /** The same for tools that the same policies decide on. */
  key: string
  empty: boolean
  policies: Record<string, PolicyJson>
  reads: Reads
  forbids: ReadonlySet<string>
  /** Of the set that Cedar has parsed, once it has. */
  id?: string
  cedar: Cedar
}

/** The policies that can apply to a tool: all of them, those that read no argument, and those that read some. */
export interface Slice extends Part {
  fixed: Part
  open: Part
}

interface Parsed {
  name: string
  json: PolicyJson
  /** Undefined: for every tool. */
  actions: ReadonlySet<string> | undefined
  reads: Reads
}

/** Policies by the tools that they are for: Cedar looks at each policy that it is given. */
export class Slices {
  readonly #cedar: Cedar
  readonly #policies: Parsed[]
  readonly #byKey = new Map<string, Slice>()
  readonly #byAction = new Map<string, Slice>()

  constructor(cedar: Cedar, policies: readonly { name: string; text: string }[], gatewayArn: string) {
    this.#cedar = cedar
    this.#policies = policies.map((each) => parsed(cedar, each, gatewayArn))
  }

  /** Of a tool that there is: its slice is kept. */
  of(action: string): Slice {
    let slice = this.#byAction.get(action)
    if (!slice) this.#byAction.set(action, (slice = this.#make(action)))
    return slice
  }

  #make(action: string): Slice {
    const chosen = this.#policies.filter(({ actions }) => !actions || actions.has(action))
    const reads = together(chosen.map((each) => each.reads))
    const key = chosen.map(({ name }) => name).join(' ') + (reads.action ? `\n${action}` : '')
    const known = this.#byKey.get(key)
    if (known) return known
    const isFixed = (each: Parsed) => each.reads.inputs?.size === 0
    const slice: Slice = {
      ...this.#part(key, chosen),
      fixed: this.#part(`fixed ${key}`, chosen.filter(isFixed)),
      open: this.#part(
        `open ${key}`,
        chosen.filter((each) => !isFixed(each)),
      ),
    }
    this.#byKey.set(key, slice)
    return slice
  }

  #part(key: string, policies: readonly Parsed[]): Part {
    return {
      key,
      empty: policies.length === 0,
      policies: Object.fromEntries(policies.map(({ name, json }) => [name, json])),
      reads: together(policies.map((each) => each.reads)),
      forbids: new Set(policies.filter(({ json }) => json.effect === 'forbid').map(({ name }) => name)),
      cedar: this.#cedar,
    }
  }

  /** Lets go of what Cedar has parsed; what is asked for again is parsed again. */
  clear(): void {
    for (const { fixed, open } of this.#byKey.values()) for (const part of [fixed, open]) forget(part)
    this.#byKey.clear()
    this.#byAction.clear()
  }
}

function parsed(cedar: Cedar, { name, text }: { name: string; text: string }, gatewayArn: string): Parsed {
  const answer = cedar.policyToJson(text)
  if (answer.type === 'failure') throw new Error(`the policy ${name} cannot be read: ${answer.errors[0]?.message}`)
  const { json } = answer
  return {
    name,
    json: { ...json, action: { op: 'All' }, ...(isForGateway(json, gatewayArn) ? { resource: { op: 'All' } } : {}) },
    actions: isForEveryTool(json) ? undefined : new Set(actionsOf(json)),
    reads: readsOf(json.conditions),
  }
}

/** Its scope need not be asked again: by the action it was chosen, and the resource of every call is this gateway. */
function isForGateway({ resource }: PolicyJson, gatewayArn: string): boolean {
  if (resource.op === 'is') return resource.entity_type === 'AgentCore::Gateway' && !resource.in
  if (resource.op !== '==' || !('entity' in resource)) return false
  const { type, id } = uidOf(resource.entity)
  return type === 'AgentCore::Gateway' && id === gatewayArn
}

function uidOf(given: EntityUidJson): { type: string; id: string } {
  return '__entity' in given ? given.__entity : given
}

/** Cedar keeps parsed sets for as long as its process lives, by name: names are used again. */
const free: string[] = []
let made = 0

/** The name of a part's set, which Cedar parses when it is first asked for. */
export function preparse(part: Part): string {
  if (part.id !== undefined) return part.id
  const id = free.pop() ?? `fairlead-${made++}`
  const answer = part.cedar.preparsePolicySet(id, { staticPolicies: part.policies })
  if (answer.type === 'failure') {
    free.push(id)
    throw new Error(answer.errors[0]?.message)
  }
  part.id = id
  return id
}

/** A call that comes late has it parsed again, under a name that is its own. */
function forget(part: Part): void {
  const { id, cedar } = part
  if (id === undefined) return
  delete part.id
  cedar.preparsePolicySet(id, { staticPolicies: {} })
  free.push(id)
}
