import type { CedarValueJson, EntityJson } from '@cedar-policy/cedar-wasm/nodejs'
import type { Principal } from '../../http/fetch-handler.ts'
import type { Target } from '../tool.ts'
import { callerEntity, withTags } from './caller.ts'
import { loadCedar, type Cedar } from './cedar.ts'
import { Memo } from './memo.ts'
import type { CedarRecord } from './schema.ts'
import { preparse, Slices, type Part, type Slice } from './slices.ts'
import { statementFor } from './statements.ts'
import type { Policy } from './policy.ts'
import { findingsOf, knownTools, refuse, unchecked } from './validate.ts'
import { cedarInput, Unfit } from './values.ts'

export type PolicyMode = 'ENFORCE' | 'LOG_ONLY'

export interface PolicyEngineOptions {
  policies: readonly Policy[]
  /** ENFORCE when absent. */
  mode?: PolicyMode
  /** What `${GatewayArn}` stands for, and the resource of every call. */
  gatewayArn: string
  targets: readonly Target[]
  /** What is wrong with a policy is told in the log, and nothing else: where it was checked before, and servers change. */
  lenient?: boolean
  log?: (line: string) => void
}

/** What the policies say to one call. */
export interface PolicyDecision {
  allowed: boolean
  /** The policies that decided; none where nothing applied. */
  policies: readonly string[]
  /** In the service's words, where it is refused. */
  reason: string
  /** The arguments are not those of the tool, and others would perhaps be allowed. */
  unfit?: boolean
  /** It could not be evaluated. */
  failed?: true
}

const byDefault = 'No policy applies to the request (denied by default).'

/**
 * Decides by Cedar policies who may call which tool with which arguments, as a policy engine of AgentCore does: what no policy
 * permits is denied, and what one forbids is denied whatever another permits. What cannot be evaluated is denied.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-understanding-cedar.html (read 2026-11-25)
 */
export class PolicyEngine {
  readonly mode: PolicyMode
  readonly #cedar: Cedar
  readonly #options: PolicyEngineOptions
  readonly #slices: Slices
  readonly #memo = new Memo()
  readonly #seen = new WeakMap<Principal, { of: ReadonlyMap<string, CedarRecord>; may: Map<string, boolean> }>()
  #known: { version: string; inputs: ReadonlyMap<string, CedarRecord> } = { version: '', inputs: new Map() }

  private constructor(cedar: Cedar, options: PolicyEngineOptions) {
    this.#cedar = cedar
    this.#options = options
    this.mode = options.mode ?? 'ENFORCE'
    this.#slices = new Slices(
      cedar,
      options.policies.map((policy) => ({ name: policy.name, text: statementFor(policy, options.gatewayArn) })),
      options.gatewayArn,
    )
  }

  /** Loads Cedar and holds the policies against the tools. Throws CEDAR_MISSING, GATEWAY_POLICY. */
  static async open(options: PolicyEngineOptions): Promise<PolicyEngine> {
    const cedar = loadCedar()
    const known = await knownTools(options.targets)
    const findings = findingsOf(cedar, options.policies, known)
    if (!options.lenient) refuse(findings)
    for (const { where, problem } of findings) options.log?.(`${where}: ${problem}`)
    for (const { where, name } of unchecked(cedar, options.policies, known))
      options.log?.(`the policy ${name} (${where}) cannot be checked before its target has said which tools it has`)
    const engine = new PolicyEngine(cedar, options)
    engine.#known = { version: engine.#version(), inputs: known.inputs }
    return engine
  }

  /** Judges one call. Undefined: there is no such tool. It throws nothing. */
  async decide(
    principal: Principal,
    action: string,
    args: Record<string, unknown>,
  ): Promise<PolicyDecision | undefined> {
    const type = (await this.#inputs()).get(action)
    if (!type) return undefined
    const slice = this.#slices.of(action)
    if (slice.empty) return { allowed: false, policies: [], reason: byDefault }
    const { fixed, open } = slice
    try {
      // Each policy applies or does not whatever the others do, so they may be asked in two parts.
      const first = this.#judge(principal, action, fixed, {})
      if (first.failed || isForbidden(first) || open.empty) return first
      if (first.allowed && open.forbids.size === 0) return first
      const second = this.#judge(principal, action, open, cedarInput(args, type, open.reads.inputs))
      if (second.failed || isForbidden(second) || !first.allowed) return second
      return second.allowed ? { ...second, policies: [...first.policies, ...second.policies] } : first
    } catch (error) {
      if (error instanceof Unfit) return this.#withoutInput(principal, action, error.message)
      return this.#failed(action, error)
    }
  }

  /** The tools of a list that a caller could call with some arguments. It throws nothing. */
  async visible(principal: Principal, actions: readonly string[]): Promise<ReadonlySet<string>> {
    const inputs = await this.#inputs()
    let seen = this.#seen.get(principal)
    if (seen?.of !== inputs) this.#seen.set(principal, (seen = { of: inputs, may: new Map() }))
    const { may } = seen
    return new Set(
      actions.filter((action) => {
        if (!inputs.has(action)) return false
        const slice = this.#slices.of(action)
        const known = may.get(slice.key)
        if (known !== undefined) return known
        const allowed = this.#mayEver(principal, action, slice)
        may.set(slice.key, allowed)
        return allowed
      }),
    )
  }

  close(): void {
    this.#slices.clear()
  }

  #judge(principal: Principal, action: string, part: Part, input: CedarValueJson): PolicyDecision {
    if (part.empty) return { allowed: false, policies: [], reason: byDefault }
    const key = this.#memo.key(principal, part.key, input)
    const known = this.#memo.get(key)
    if (known) return known
    const decision = this.#evaluate(principal, action, part, input)
    if (!decision.failed) this.#memo.set(key, decision)
    return decision
  }

  #evaluate(principal: Principal, action: string, part: Part, input: CedarValueJson): PolicyDecision {
    const answer = this.#cedar.statefulIsAuthorized({
      ...this.#asked(principal, action, part),
      context: { input },
      preparsedPolicySetId: preparse(part),
    })
    if (answer.type === 'failure') return this.#failed(action, new Error(answer.errors[0]?.message))
    const { decision, diagnostics } = answer.response
    const broken = diagnostics.errors.find(({ policyId }) => part.forbids.has(policyId))
    // Cedar leaves a policy out that cannot be evaluated; one that forbids is not left out here.
    if (broken) return this.#failed(action, new Error(broken.error.message), [broken.policyId])
    const policies = diagnostics.reason
    if (decision === 'allow') return { allowed: true, policies, reason: '' }
    return { allowed: false, policies, reason: policies.length === 0 ? byDefault : deniedBy(policies) }
  }

  /** Arguments that are not the tool's own: denied where all of them are, and otherwise for the target to refuse in its words. */
  #withoutInput(principal: Principal, action: string, why: string): PolicyDecision {
    const slice = this.#slices.of(action)
    if (!this.#mayEver(principal, action, slice)) return { allowed: false, policies: [], reason: byDefault }
    return { allowed: false, policies: [], reason: `Policy evaluation failed: ${why}`, unfit: true }
  }

  #mayEver(principal: Principal, action: string, slice: Slice): boolean {
    if (slice.empty) return false
    try {
      const answer = this.#cedar.isAuthorizedPartial({
        ...this.#asked(principal, action, slice),
        context: { input: { __extn: { fn: 'unknown', arg: 'input' } } },
        policies: { staticPolicies: slice.policies },
      })
      return answer.type === 'residuals' && answer.response.decision !== 'deny'
    } catch (error) {
      this.#failed(action, error)
      return false
    }
  }

  #asked(principal: Principal, action: string, { reads }: Part) {
    const caller = callerEntity(principal)
    return {
      principal: caller.uid,
      action: { type: 'AgentCore::Action', id: action },
      resource: { type: 'AgentCore::Gateway', id: this.#options.gatewayArn },
      entities: [
        ...(reads.principal ? [withTags(caller, reads.tags)] : []),
        ...(reads.action ? [toolEntity(action)] : []),
      ],
    }
  }

  #failed(action: string, error: unknown, policies: readonly string[] = []): PolicyDecision {
    const why = error instanceof Error ? error.message : String(error)
    this.#options.log?.(`policies could not be evaluated for ${action.slice(0, 100)}: ${why}`)
    const reason = policies.length > 0 ? deniedBy(policies) : 'Policy evaluation failed'
    return { allowed: false, policies, reason, failed: true }
  }

  /** What the tools take now. A list that has changed since is held against the policies again, and told of in the log. */
  async #inputs(): Promise<ReadonlyMap<string, CedarRecord>> {
    const version = this.#version()
    if (version === this.#known.version) return this.#known.inputs
    const known = await knownTools(this.#options.targets)
    this.#known = { version, inputs: known.inputs }
    // A server that has ever other tools makes no ever longer list of slices.
    this.#slices.clear()
    for (const { where, problem } of findingsOf(this.#cedar, this.#options.policies, known))
      this.#options.log?.(`${where}: ${problem}`)
    return known.inputs
  }

  #version(): string {
    return this.#options.targets.map(({ version }) => version).join('.')
  }
}

function isForbidden({ allowed, policies }: PolicyDecision): boolean {
  return !allowed && policies.length > 0
}

function deniedBy(policies: readonly string[]): string {
  return `Policy evaluation denied due to ${policies.join(', ')}`
}

const groups = ['CallTool', 'Mcp'].map((id) => ({ type: 'AgentCore::Action', id }))

function toolEntity(action: string): EntityJson {
  return { uid: { type: 'AgentCore::Action', id: action }, attrs: {}, parents: groups }
}
