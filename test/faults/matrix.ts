// Injects every fault into a stack that runs, and asks explain and doctor, which run in processes of their own and are not told.
import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { signIn } from '../../src/connect/sign-in.ts'
import type { Explanation } from '../../src/explain/explain.ts'
import { templateRules } from '../../src/doctor/template.ts'
import { answerFaults } from '../../src/local/faults/answers.ts'
import { policyFaults } from '../../src/local/faults/policies.ts'
import { requestFaults } from '../../src/local/faults/requests.ts'
import { signatureFaults } from '../../src/local/faults/signatures.ts'
import { tokenFaults } from '../../src/local/faults/tokens.ts'
import { faults, type FaultName } from '../../src/local/faults.ts'
import { readKept } from '../../src/local/kept.ts'
import type { LocalState } from '../../src/local/state.ts'
import { platforms } from '../../src/platforms.ts'
import { copyProject, fairlead, startDev } from '../cli/support.ts'
import { breakTemplate, goodTemplate } from './templates.ts'

export interface Row {
  faults: string[]
  does: string
  by: 'explain' | 'doctor' | 'doctor --template'
  /** What was named, and how sure. */
  verdict: string
  right: boolean
  /** What `fairlead explain` said, as data. */
  said?: Explanation
}

export const pairs = [
  ['path-encoded-once', 'query-order'],
  ['host-rewritten', 'body-reserialised'],
  ['clock-behind', 'trailing-slash'],
  ['wrong-service', 'wrong-region'],
  ['wrong-region', 'path-decoded'],
  ['query-plus', 'header-changed'],
  ['port-dropped', 'method-changed'],
  ['secret-whitespace', 'path-encoded-once'],
  ['secret-of-another-key', 'clock-ahead'],
  ['unsigned-payload', 'session-token-unsigned'],
  ['header-unsigned', 'query-added'],
  ['header-dropped', 'header-folding'],
] as const

/** Of the runtime, what clients get wrong; what it does to sessions is tested with it. */
const runtimeFaults = Object.keys(requestFaults)

/** Which check of the doctor names what a hop does to answers, and where that shows. */
const answers: Record<keyof typeof answerFaults, { check: string; on: 'lambda' | 'fargate' }> = {
  'challenge-missing': { check: 'challenge-header', on: 'fargate' },
  'challenge-remapped': { check: 'challenge-not-remapped', on: 'fargate' },
  'metadata-missing': { check: 'metadata-found', on: 'fargate' },
  'metadata-resource': { check: 'metadata-resource', on: 'fargate' },
  'metadata-no-server': { check: 'metadata-servers', on: 'fargate' },
  'pkce-not-advertised': { check: 'server-pkce', on: 'fargate' },
  'registration-missing': { check: 'server-registration', on: 'fargate' },
  'issuer-differs': { check: 'server-issuer', on: 'fargate' },
  'stream-buffered': { check: 'stream-as-it-happens', on: 'lambda' },
  'cors-duplicate': { check: 'cors-once', on: 'lambda' },
  'content-type-wrong': { check: 'content-type', on: 'lambda' },
  'empty-body-sent': { check: 'notification-202', on: 'lambda' },
}

const server = `
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
export default () => {
  const server = new McpServer({ name: 'matrix', version: '1.0.0' })
  const inputSchema = z.object({ text: z.string() })
  server.registerTool('echo', { description: 'Says it again.', inputSchema }, async ({ text }) => ({ content: [{ type: 'text', text }] }))
  return server
}
`
const config = `export default {
  name: 'matrix', server: { kind: 'module', entry: './server.ts' },
  scopes: { read: { description: 'Read', groups: ['readers'] } }, baseScopes: ['read'],
  platforms: { lambda: {}, fargate: { tasks: 1 }, 'agentcore-runtime': {} },
}`

/** Runs the whole matrix; the last row says whether the healthy stack was left alone. */
export async function runMatrix(): Promise<{ rows: Row[]; falseAlarms: string[] }> {
  const project = await copyProject('none')
  await writeFile(join(project.dir, 'server.ts'), server)
  await writeFile(join(project.dir, 'fairlead.config.ts'), config)
  const dev = await startDev(project.dir)
  try {
    const stack = new Stack(dev.state, project.dir)
    const linting = templateRows(project.dir)
    linting.catch(() => {})
    const healthy = await stack.healthy()
    const explained = await explainedRows(stack)
    const examined = await examinedRows(stack, healthy.failing)
    const linted = await linting
    return { rows: [...explained, ...examined, ...linted.rows], falseAlarms: [...healthy.alarms, ...linted.alarms] }
  } finally {
    await dev.stop()
    await project.remove()
  }
}

class Stack {
  readonly state: LocalState
  readonly dir: string
  #token = ''

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

  /** One call, and the id that it is kept under: its user agent leads there. */
  async call(platform: 'lambda' | 'fargate' | 'agentcore-runtime'): Promise<string> {
    const agent = `matrix-${randomBytes(6).toString('hex')}`
    const { url } = this.state.endpoints[platform]!
    const body = JSON.stringify({
      jsonrpc: '2.0',
      id: 1,
      method: 'tools/call',
      params: { name: 'echo', arguments: { text: randomBytes(20).toString('base64'), n: [1, 'ü'] } },
    })
    const headers = {
      'content-type': 'application/json',
      accept: 'application/json, text/event-stream',
      'user-agent': agent,
    }
    const response =
      platform !== 'fargate'
        ? await this.#signed(url, platforms[platform].service, { method: 'POST', headers, body })
        : await fetch(url, { method: 'POST', headers: { ...headers, authorization: `Bearer ${this.#token}` }, body })
    await response.arrayBuffer()
    return agent
  }

  async #signed(url: string, service: string, init: RequestInit): Promise<Response> {
    const { accessKeyId, secretAccessKey, sessionToken } = this.state.identities.iam.find(
      ({ name }) => name === 'agent',
    )!
    const signed = sigv4Fetch({
      credentials: { accessKeyId, secretAccessKey, sessionToken: sessionToken! },
      service,
      region: 'us-east-1',
    })
    return signed(url, init)
  }

  /** What explain and doctor say when nothing is broken: nothing. */
  async healthy(): Promise<{ alarms: string[]; failing: Record<string, string[]> }> {
    const { url } = this.state.endpoints.fargate!
    this.#token = (
      await signIn({ url, ...this.state.identities.users.find(({ username }) => username === 'ada')! })
    ).accessToken
    const agents = [await this.call('lambda'), await this.call('fargate'), await this.call('agentcore-runtime')]
    const alarms = (await this.explain(agents))
      .filter(({ accepted }) => !accepted)
      .map(({ causes }) => `explain: ${causes.join()}`)
    const failing: Record<string, string[]> = {}
    for (const platform of ['lambda', 'fargate', 'agentcore-runtime'] as const) {
      failing[platform] = await this.doctor(platform)
      alarms.push(...failing[platform].map((id) => `doctor on ${platform}: ${id}`))
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
  async doctor(platform: 'lambda' | 'fargate' | 'agentcore-runtime'): Promise<string[]> {
    const { stdout, stderr } = await fairlead(['doctor', '--json', this.state.endpoints[platform]!.url], {
      cwd: this.dir,
    })
    const { data } = JSON.parse(stdout || '{}') as {
      data?: { findings: { id: string; ok: boolean }[]; notReached: string[] }
    }
    if (!data) throw new Error(stdout + stderr)
    if (data.findings.every(({ ok }) => ok) && data.notReached.length > 0) throw new Error(stdout)
    return data.findings.filter(({ ok }) => !ok).map(({ id }) => id)
  }
}

async function explainedRows(stack: Stack): Promise<Row[]> {
  const singles = [
    ...Object.keys(signatureFaults).map((name) => ({ faults: [name], on: 'lambda' as const })),
    ...pairs.map((pair) => ({ faults: [...pair], on: 'lambda' as const })),
    ...Object.keys(policyFaults).map((name) => ({ faults: [name], on: 'lambda' as const })),
    ...Object.keys(tokenFaults).map((name) => ({ faults: [name], on: 'fargate' as const })),
    ...runtimeFaults.map((name) => ({ faults: [name], on: 'agentcore-runtime' as const })),
  ]
  const agents: string[] = []
  for (const { faults, on } of singles) {
    await stack.set(faults, true)
    agents.push(await stack.call(on))
    await stack.set(faults, false)
  }
  const said = await stack.explain(agents)
  return singles.map(({ faults }, at) => {
    const { causes, certainty } = said[at]!
    const right = causes.toSorted().join() === faults.toSorted().join()
    return {
      faults,
      does: faults.map(doesOf).join(' '),
      by: 'explain',
      verdict: `${causes.join(' + ')}, ${certainty}`,
      said: said[at]!,
      right,
    }
  })
}

function doesOf(name: string): string {
  return faults[name as FaultName].does
}

async function examinedRows(stack: Stack, healthy: Record<string, string[]>): Promise<Row[]> {
  const rows: Row[] = []
  for (const [name, { check, on }] of Object.entries(answers)) {
    await stack.set([name], true)
    const found = (await stack.doctor(on)).filter((id) => !healthy[on]!.includes(id))
    await stack.set([name], false)
    // Metadata that is nowhere is not in both places either.
    const beside = name === 'metadata-missing' ? ['metadata-both-places'] : []
    const right = found.filter((id) => !beside.includes(id)).join() === check
    rows.push({ faults: [name], does: doesOf(name), by: 'doctor', verdict: found.join(', '), right })
  }
  return rows
}

async function templateRows(dir: string): Promise<{ rows: Row[]; alarms: string[] }> {
  await mkdir(join(dir, 'templates'))
  const lint = async (name: string, template: unknown) => {
    const file = join(dir, 'templates', `${randomBytes(6).toString('hex')}.json`)
    await writeFile(file, JSON.stringify(template))
    const { stdout } = await fairlead(['doctor', '--json', '--template', file], { cwd: dir })
    return (JSON.parse(stdout) as { data: { findings: { id: string; says: string }[] } }).data.findings
  }
  const alarms = (await lint('good', goodTemplate())).map(({ id }) => `template: ${id}`)
  const names = Object.keys(templateRules) as (keyof typeof templateRules)[]
  const rows: Row[] = []
  // Two at a time: each is a process.
  for (let at = 0; at < names.length; at += 2)
    rows.push(
      ...(await Promise.all(
        names.slice(at, at + 2).map(async (name): Promise<Row> => {
          const template = goodTemplate()
          breakTemplate[name](template.Resources)
          const found = await lint(name, template)
          return {
            faults: [name],
            does: found[0]?.says ?? '',
            by: 'doctor --template',
            verdict: found.map(({ id }) => id).join(', '),
            right: found.length === 1 && found[0]!.id === name,
          }
        }),
      )),
    )
  return { rows, alarms }
}
