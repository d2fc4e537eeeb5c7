// Injects every fault into a stack that runs, and asks explain and doctor, which run in processes of their own and are not told.
import { randomUUID } from 'node:crypto'
import { answerFaults } from '../../src/local/faults/answers.ts'
import { policyFaults } from '../../src/local/faults/policies.ts'
import { requestFaults } from '../../src/local/faults/requests.ts'
import { signatureFaults } from '../../src/local/faults/signatures.ts'
import { tokenFaults } from '../../src/local/faults/tokens.ts'
import { faults, type FaultName } from '../../src/local/faults.ts'
import type { Explanation } from '../../src/explain/explain.ts'
import type { Platform } from '../../src/platforms.ts'
import { templateRows } from './linted.ts'
import { startProject } from './projects.ts'
import type { Row } from './row.ts'
import type { Stack } from './stack.ts'

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

type Examined = { fault: keyof typeof answerFaults | 'session-rotates'; on: Platform; check: string }

/** Which check of the doctor names what a hop does to answers, and where that shows. */
const examined: Examined[] = [
  { fault: 'challenge-missing', on: 'fargate', check: 'challenge-header' },
  { fault: 'challenge-remapped', on: 'fargate', check: 'challenge-not-remapped' },
  { fault: 'metadata-missing', on: 'fargate', check: 'metadata-found' },
  { fault: 'metadata-resource', on: 'fargate', check: 'metadata-resource' },
  { fault: 'metadata-no-server', on: 'fargate', check: 'metadata-servers' },
  { fault: 'pkce-not-advertised', on: 'fargate', check: 'server-pkce' },
  { fault: 'registration-missing', on: 'fargate', check: 'server-registration' },
  { fault: 'issuer-differs', on: 'fargate', check: 'server-issuer' },
  { fault: 'stream-buffered', on: 'lambda', check: 'stream-as-it-happens' },
  { fault: 'cors-duplicate', on: 'lambda', check: 'cors-once' },
  { fault: 'content-type-wrong', on: 'lambda', check: 'content-type' },
  { fault: 'empty-body-sent', on: 'lambda', check: 'notification-202' },
  { fault: 'challenge-missing', on: 'agentcore-gateway', check: 'challenge-header' },
  { fault: 'metadata-resource', on: 'agentcore-gateway', check: 'metadata-resource' },
  { fault: 'metadata-no-server', on: 'agentcore-gateway', check: 'metadata-servers' },
  { fault: 'content-type-wrong', on: 'agentcore-gateway', check: 'content-type' },
  { fault: 'empty-body-sent', on: 'agentcore-gateway', check: 'notification-202' },
]

/**
 * The Gateway verifies the signature before the claims, so that a claim which is changed on the way breaks the signature, and
 * that is what is named. These leave no signature to verify, or do not get so far.
 */
const beforeSignature = [
  'token-missing',
  'token-malformed',
  'signed-for-oauth',
  'token-algorithm',
  'token-wrong-issuer',
]
const ofSignature = ['token-key-unknown', 'token-tampered']

/** What is called with one or two faults on. */
interface Injected {
  faults: string[]
  on: Platform
}

const each = (table: object, on: Platform): Injected[] => Object.keys(table).map((name) => ({ faults: [name], on }))

/** Runs the whole matrix, and says what was said of the healthy stacks. */
export async function runMatrix(): Promise<{ rows: Row[]; falseAlarms: string[] }> {
  const [all, signed] = await Promise.all([startProject('all'), startProject('signed')])
  try {
    const linting = templateRows(all.stack.dir)
    linting.catch(() => {})
    const healthy = await all.stack.healthy()
    const gatewayAlarms = (await signed.stack.healthy()).alarms
    const explained = await explainedRows(all.stack, [
      ...each(signatureFaults, 'lambda'),
      ...pairs.map((pair) => ({ faults: [...pair], on: 'lambda' as const })),
      ...each(policyFaults, 'lambda'),
      ...each(tokenFaults, 'fargate'),
      ...each(requestFaults, 'agentcore-runtime'),
      ...[...beforeSignature, ...ofSignature].map((name) => ({ faults: [name], on: 'agentcore-gateway' as const })),
    ])
    const atGateway = await explainedRows(signed.stack, each(signatureFaults, 'agentcore-gateway'))
    const strangers = [
      await strangerRow(all.stack, 'agentcore-runtime'),
      await strangerRow(signed.stack, 'agentcore-gateway'),
    ]
    const sessions = [...strangers, await otherTokenRow(all.stack), ...(await sessionRows(all.stack))]
    // A new session takes 18 s meanwhile.
    const cold = coldStartRow(all.stack)
    cold.catch(() => {})
    const seen = await examinedRows(all.stack, examined, healthy.failing)
    const slow = await cold
    const rotated = await examinedRows(
      all.stack,
      [{ fault: 'session-rotates', on: 'agentcore-runtime', check: 'session-id-stable' }],
      healthy.failing,
    )
    const linted = await linting
    return {
      rows: [...explained, ...atGateway, ...sessions, slow, ...rotated, ...seen, ...linted.rows],
      falseAlarms: [...healthy.alarms, ...gatewayAlarms.map((says) => `${says}, signed`), ...linted.alarms],
    }
  } finally {
    await Promise.all([all.close(), signed.close()])
  }
}

async function explainedRows(stack: Stack, injected: readonly Injected[]): Promise<Row[]> {
  const agents: string[] = []
  for (const { faults: names, on } of injected) {
    await stack.set(names, true)
    agents.push(await stack.call(on))
    await stack.set(names, false)
  }
  const said = await stack.explain(agents)
  return injected.map((one, at) => explainedRow(one, said[at]!))
}

function explainedRow({ faults: names, on }: Injected, said: Explanation): Row {
  const right = said.causes.toSorted().join() === names.toSorted().join()
  const verdict = `${said.causes.join(' + ')}, ${said.certainty}`
  return { faults: names, does: names.map(doesOf).join(' '), on, by: 'explain', verdict, said, right }
}

/** An identity that is good, and that nobody has granted anything. */
async function strangerRow(stack: Stack, on: Platform): Promise<Row> {
  const [said] = await stack.explain([await stack.call(on, {}, 'stranger')])
  return explainedRow({ faults: ['caller-not-granted'], on }, said!)
}

/** A good token of the same issuer, for another server: what a client sends that keeps one token for all. */
async function otherTokenRow(stack: Stack): Promise<Row> {
  const agent = await stack.call('agentcore-gateway', stack.tokenOf('fargate'))
  const [said] = await stack.explain([agent])
  return explainedRow({ faults: ['token-wrong-audience'], on: 'agentcore-gateway' }, said!)
}

/** What the Runtime does to sessions: of two calls one meets it, and the other is left alone. */
async function sessionRows(stack: Stack): Promise<Row[]> {
  const on = 'agentcore-runtime'
  const agents: string[] = []
  for (const fault of ['session-busy', 'session-killed']) {
    await stack.set([fault], true)
    agents.push(await stack.call(on), await stack.call(on))
    await stack.set([fault], false)
  }
  const session = { 'mcp-session-id': randomUUID() }
  agents.push(await stack.call(on, session))
  await stack.set(['session-expired'], true)
  agents.push(await stack.call(on, session))
  await stack.set(['session-expired'], false)
  const said = await stack.explain(agents)
  return ['session-busy', 'session-killed', 'session-expired'].map((fault, at) => {
    const two = said.slice(2 * at, 2 * at + 2)
    const row = explainedRow({ faults: [fault], on }, two.find(({ causes }) => causes.length > 0) ?? two[0]!)
    return { ...row, right: row.right && two.filter(({ causes }) => causes.length > 0).length === 1 }
  })
}

async function coldStartRow(stack: Stack): Promise<Row> {
  await stack.set(['cold-start'], true)
  const agent = await stack.call('agentcore-runtime')
  await stack.set(['cold-start'], false)
  const [said] = await stack.explain([agent])
  return explainedRow({ faults: ['cold-start'], on: 'agentcore-runtime' }, said!)
}

function doesOf(name: string): string {
  return faults[name as FaultName].does
}

async function examinedRows(
  stack: Stack,
  injected: readonly Examined[],
  healthy: Partial<Record<Platform, string[]>>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const { fault, on, check } of injected) {
    await stack.set([fault], true)
    const findings = (await stack.findings(on)).filter(({ id }) => !healthy[on]!.includes(id))
    await stack.set([fault], false)
    const found = findings.map(({ id }) => id)
    // Metadata that is nowhere is not in both places either.
    const beside = fault === 'metadata-missing' ? ['metadata-both-places'] : []
    const right = found.filter((id) => !beside.includes(id)).join() === check
    rows.push({
      faults: [fault],
      does: doesOf(fault),
      on,
      by: 'doctor',
      verdict: right ? found.join(', ') : said(findings),
      right,
    })
  }
  return rows
}

function said(findings: readonly { id: string; says: string }[]): string {
  return findings.map(({ id, says }) => `${id} (${says})`).join(', ')
}
