import { spawn } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const suite = fileURLToPath(
  new URL('../../tools/interop/node_modules/@modelcontextprotocol/conformance/dist/index.js', import.meta.url),
)

/** Scenarios that ask a client something in the middle of a call: they need a session, and a stateless endpoint has none. */
const needSession = [
  'tools-call-sampling',
  'tools-call-elicitation',
  'elicitation-sep1034-defaults',
  'elicitation-sep1330-enums',
]
/** Passes with nothing checked where there is no session. */
const vacuous = ['server-sse-multiple-streams']

/** What each revision asks for, of an endpoint without sessions and of one with them. */
export const requirements = {
  '2026-07-28': { of: 37, stateless: { needed: 37, except: [] }, sessions: { needed: 37, except: [] } },
  '2025-11-25': {
    of: 30,
    stateless: { needed: 25, except: [...needSession, ...vacuous] },
    sessions: { needed: 30, except: [] },
  },
} as const satisfies Record<string, { of: number } & Record<Posture, { needed: number; except: readonly string[] }>>

export type Posture = 'stateless' | 'sessions'

/** Scenarios of sessions that no revision requires. */
export const beyondRequired = { 'server-session-lifecycle': 3, 'server-sse-polling': 3 } as const

/** The scenarios of the extension io.modelcontextprotocol/tasks, with their checks. One more is always skipped by the suite. */
export const taskScenarios = {
  'tasks-lifecycle': 9,
  'tasks-capability-negotiation': 5,
  'tasks-wire-fields': 4,
  'tasks-request-state-removal': 3,
  'tasks-mrtr-input': 4,
  'tasks-request-headers': 5,
  'tasks-dispatch-and-envelope': 9,
  'tasks-required-task-error': 3,
  'tasks-mrtr-composition': 2,
} as const

export interface Outcome {
  name: string
  passed: number
  failed: number
}

/** Runs the required scenarios of a revision against an endpoint. A scenario counts when it had a passed check and no failed one. */
export async function conformance(url: string, revision: keyof typeof requirements): Promise<Outcome[]> {
  const required = await requiredBy(revision, 'server')
  return (await run(url, ['--requirements', revision])).filter(({ name }) => required.has(name))
}

/** Runs one scenario, of a revision or of an extension. */
export async function scenario(url: string, name: string, revision?: string): Promise<Outcome | undefined> {
  const of = revision === undefined ? ['--force'] : ['--spec-version', revision]
  return (await run(url, ['--scenario', name, ...of])).find((each) => each.name === name)
}

async function run(url: string, args: string[]): Promise<Outcome[]> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-conformance-'))
  const child = spawn(process.execPath, [suite, 'server', '--url', url, ...args, '-o', dir], {
    stdio: ['ignore', 'ignore', 'ignore'],
  })
  await new Promise((resolve) => child.on('close', resolve))
  return readOutcomes(dir)
}

/** Reads what the suite wrote, and removes it. */
export async function readOutcomes(dir: string): Promise<Outcome[]> {
  const outcomes: Outcome[] = []
  for (const file of await readdir(dir, { recursive: true })) {
    if (!file.endsWith('checks.json')) continue
    const checks = JSON.parse(await readFile(join(dir, file), 'utf8')) as { status: string }[]
    const name = file
      .slice(0, -'/checks.json'.length)
      .replace(/^server-(?=.*-\d{4}-\d{2}-\d{2}T)/, '')
      .replace(/-\d{4}-\d{2}-\d{2}T.*$/, '')
    outcomes.push({
      name,
      passed: checks.filter(({ status }) => status === 'SUCCESS').length,
      failed: checks.filter(({ status }) => status === 'FAILURE').length,
    })
  }
  await rm(dir, { recursive: true, force: true })
  return outcomes
}

/** The scenarios that count, from the suite's own frozen list. */
export async function requiredBy(revision: string, leg: 'server' | 'client'): Promise<Set<string>> {
  const yaml = await readFile(join(suite, `../../requirements/${revision}.yaml`), 'utf8')
  const list = new RegExp(`^${leg}:\\n((?: {2}- .*\\n|\\s*#.*\\n)+)`, 'm').exec(yaml)?.[1] ?? ''
  return new Set([...list.matchAll(/^ {2}- (\S+)/gm)].map(([, name]) => name!))
}
