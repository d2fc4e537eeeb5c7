import { randomBytes } from 'node:crypto'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { signIn } from '../../src/connect/sign-in.ts'
import type { Explanation } from '../../src/explain/explain.ts'
import { readKept } from '../../src/local/kept.ts'
import type { LocalState } from '../../src/local/state.ts'
import type { Platform } from '../../src/platforms.ts'
import { fairlead } from '../cli/support.ts'

/** A stack that runs, to be called, and asked about from other processes. */
export class Stack {
  readonly state: LocalState
  readonly dir: string
  readonly #tokens = new Map<Platform, string>()

  constructor(state: LocalState, dir: string) {
    this.state = state
    this.dir = dir
  }

  async set(names: readonly string[], on: boolean): Promise<void> {
    const { url, token } = this.state.control
    for (const name of names) {
      const body = JSON.stringify({ name, on })
      const response = await fetch(`${url}/api/faults`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body,
      })
      if (!response.ok) throw new Error(await response.text())
    }
  }

  get platforms(): Platform[] {
    return Object.keys(this.state.endpoints) as Platform[]
  }

  /** Signs in where OAuth guards. */
  async signIn(): Promise<void> {
    const ada = this.state.identities.users.find(({ username }) => username === 'ada')
    for (const platform of this.platforms) {
      const { url, auth } = this.state.endpoints[platform]!
      if (auth === 'oauth' && ada) this.#tokens.set(platform, (await signIn({ url, ...ada })).accessToken)
    }
  }

  tokenOf(platform: Platform): { authorization: string } {
    return { authorization: `Bearer ${this.#tokens.get(platform)}` }
  }

  /** One call, and the user agent that it is kept under. */
  async call(platform: Platform, more: Record<string, string> = {}, caller = 'agent'): Promise<string> {
    const agent = `matrix-${randomBytes(6).toString('hex')}`
    const { url, auth, service } = this.state.endpoints[platform]!
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: {
        name: platform === 'agentcore-gateway' ? 'matrix___echo' : 'echo',
        arguments: { text: randomBytes(20).toString('base64'), n: [1, 'ü'] },
      },
    })
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'user-agent': agent,
      ...more,
    }
    const response =
      auth === 'iam'
        ? await this.#signed(url, service!, { method: 'POST', headers, body }, caller)
        : await fetch(url, { method: 'POST', headers: { ...this.tokenOf(platform), ...headers }, body })
    await response.arrayBuffer()
    return agent
  }

  async #signed(url: string, service: string, init: RequestInit, caller: string): Promise<Response> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.state.identities.iam.find(
      ({ name }) => name === caller,
    )!
    const signed = sigv4Fetch({
      credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
      service,
      region: 'us-east-1',
    })
    return signed(url, init)
  }

  /** What explain and doctor say when nothing is broken: nothing. */
  async healthy(): Promise<{ alarms: string[]; failing: Partial<Record<Platform, string[]>> }> {
    await this.signIn()
    const agents: string[] = []
    for (const platform of this.platforms) agents.push(await this.call(platform))
    const alarms = (await this.explain(agents))
      .filter(({ accepted, causes }) => !accepted || causes.length > 0)
      .map(({ platform, causes }) => `explain on ${platform}: ${causes.join()}`)
    const failing: Partial<Record<Platform, string[]>> = {}
    for (const platform of this.platforms) {
      const findings = await this.findings(platform)
      failing[platform] = findings.map(({ id }) => id)
      alarms.push(...findings.map(({ id, says }) => `doctor on ${platform}: ${id} (${says})`))
    }
    return { alarms, failing }
  }

  /** Explains, in one process of its own, the requests of these user agents. */
  async explain(agents: readonly string[]): Promise<Explanation[]> {
    const ids = await this.#idsOf(agents)
    const { stdout, stderr } = await fairlead(['explain', '--json', ...ids], { cwd: this.dir })
    const answer = JSON.parse(stdout || '{}') as { data?: { requests?: [] } }
    if (!answer.data) throw new Error(stdout + stderr)
    return answer.data.requests ?? ([answer.data] as never)
  }

  /** A platform may note a request a moment after its answer. */
  async #idsOf(agents: readonly string[]): Promise<string[]> {
    const { url, token } = this.state.control
    for (;;) {
      await fetch(`${url}/api/requests/flush`, { method: 'POST', headers: { authorization: `Bearer ${token}` } })
      const kept = readKept(this.dir)
      const ids = agents.map((agent) => kept.find(({ headers }) => headers.includes(agent))?.id)
      if (ids.every((id) => id !== undefined)) return ids
    }
  }

  /** What the doctor finds wrong, MUST and SHOULD. What it does not reach for that is not a finding. */
  async findings(platform: Platform): Promise<{ id: string; says: string }[]> {
    const { stdout, stderr } = await fairlead(['doctor', '--json', this.state.endpoints[platform]!.url], {
      cwd: this.dir,
    })
    const { data } = JSON.parse(stdout || '{}') as {
      data?: { findings: { id: string; ok: boolean; says: string }[]; notReached: string[] }
    }
    if (!data) throw new Error(stdout + stderr)
    if (data.findings.every(({ ok }) => ok) && data.notReached.length > 0) throw new Error(stdout)
    return data.findings.filter(({ ok }) => !ok)
  }
}
