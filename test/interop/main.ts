// `npm run interop [parts] [-- --install]`: what runs against foreign programs, and takes longer than a test may. With
// --install, MCP clients of others are brought too (1.3 GB); what is not here is skipped by name.
import { fileURLToPath } from 'node:url'
import { copyProject, sample, startDev } from '../cli/support.ts'
import { readProject } from '../../src/build/project.ts'
import { signIn } from '../../src/connect/sign-in.ts'
import { listen } from '../../src/http/node-server.ts'
import { startStack } from '../../src/local/stack.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { createTasks } from '../../src/mcp/tasks/tasks.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import factory from '../fixtures/conformance-server.ts'
import { randomKills } from '../local/agentcore-runtime/random-kills.ts'
import taskServer, { tools as taskTools } from '../fixtures/task-server.ts'
import { temporaryFolder } from '../support/temporary.ts'
import {
  beyondRequired,
  conformance,
  requirements,
  scenario,
  taskScenarios,
  type Outcome,
  type Posture,
} from './conformance.ts'
import { extTasks } from './ext-tasks.ts'
import { clientAuth, clientLeg, clientRequirements, isGood } from './client-leg.ts'
import { awsTools } from './aws-tools.ts'
import { clientSettings } from './client-settings.ts'
import { fastmcp } from './fastmcp.ts'
import { openapiDocuments } from './openapi-documents.ts'
import { authorizationScenarios } from './authorization.ts'
import { signInByBrowser } from './browser.ts'
import { installPrograms } from './programs.ts'
import { sam } from './sam.ts'
import { stdioClients } from './stdio-clients.ts'
import { bearerProxy, signingProxy } from './signing-proxy.ts'

let passed = 0
let failed = 0

const parts: Record<string, () => Promise<void>> = {
  host: direct,
  sessions: withSessions,
  tasks,
  lambda,
  fargate: async () => {
    await fargate('stateless')
    await fargate('sessions')
  },
  authorization,
  browser: inBrowser,
  proxy,
  clients,
  python,
  runtime,
  documents,
  sam: async () => {
    const { ok, skipped, said } = await sam()
    console.log(`${ok ? '✓' : skipped ? '-' : '✗'} AWS SAM: ${said}`)
    if (ok) passed++
    else if (!skipped) failed++
  },
  aws: withAwsTools,
}
const names = process.argv.slice(2).filter((word) => !word.startsWith('-'))
const unknown = names.find((name) => !(name in parts))
if (unknown) throw new Error(`There is no part ${unknown}. There are: ${Object.keys(parts).join(', ')}`)
if (process.argv.includes('--install')) installPrograms()
for (const name of names.length > 0 ? names : Object.keys(parts)) await parts[name]!()
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

async function documents(): Promise<void> {
  const result = await openapiDocuments(console.log)
  passed += result.passed
  failed += result.failed.length
}

async function direct(): Promise<void> {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory })
  const server = await listen(endpoint.fetch)
  await score('the MCP host', `${server.url}/mcp`)
  await server.close()
  await endpoint.close()
}

async function withSessions(): Promise<void> {
  const endpoint = createMcpEndpoint({ kind: 'factory', factory }, { sessions: {} })
  const server = await listen(endpoint.fetch)
  await score('the MCP host with sessions', `${server.url}/mcp`, 'sessions')
  for (const [name, checks] of Object.entries(beyondRequired)) {
    const outcome = await scenario(`${server.url}/mcp`, name, '2025-11-25')
    const ok = outcome?.failed === 0 && outcome.passed >= checks
    console.log(`${ok ? '✓' : '✗'} the MCP host with sessions: ${name}, ${outcome?.passed ?? 0} of ${checks} checks`)
    if (ok) passed++
    else failed++
  }
  await server.close()
  await endpoint.close()
}

async function tasks(): Promise<void> {
  const tasks = createTasks({ table: new MemoryTable() })
  const endpoint = createMcpEndpoint({ kind: 'factory', factory: taskServer }, { tools: taskTools, tasks })
  const server = await listen(endpoint.fetch)
  let good = 0
  const wrong: string[] = []
  for (const [name, checks] of Object.entries(taskScenarios)) {
    const outcome = (await scenario(`${server.url}/mcp`, name)) ?? { passed: 0, failed: 0 }
    good += outcome.passed
    if (outcome.failed > 0 || outcome.passed < checks)
      wrong.push(`    ${name}: ${outcome.passed} passed, ${outcome.failed} failed`)
  }
  const of = Object.values(taskScenarios).reduce<number>((sum, checks) => sum + checks, 0)
  console.log(
    `${wrong.length === 0 ? '✓' : '✗'} the MCP host with tasks: ${good} of ${of} checks of the tasks scenarios`,
  )
  for (const each of wrong) console.log(each)
  const library = await extTasks(`${server.url}/mcp`)
  console.log(
    `${library.ok ? '✓' : '✗'} the MCP host with tasks, and the extension's own client library: ${library.said}`,
  )
  for (const ok of [wrong.length === 0, library.ok])
    if (ok) passed++
    else failed++
  await server.close()
  await endpoint.close()
}

async function lambda(): Promise<void> {
  const folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../fixtures/conformance-server.ts', import.meta.url))
  const config = {
    name: 'conformance',
    server: { kind: 'module' as const, entry },
    platforms: { lambda: { concurrency: 30 } },
  }
  const stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  const server = await signingProxy(stack.endpoints.lambda!.url, stack.identities[0]!)
  await score('lambda', `${server.url}/mcp`)
  await server.close()
  await stack.close()
  await folder.remove()
}

/** Through sign-in, load balancer and two tasks. The suite has no token, so a pass-through adds ada's, and renews it. */
async function fargate(posture: Posture): Promise<void> {
  const folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../fixtures/conformance-server.ts', import.meta.url))
  const sessions = posture === 'sessions' ? 'stateful' : 'stateless'
  const config = {
    name: 'conformance',
    server: { kind: 'module' as const, entry },
    platforms: { fargate: { tasks: 2, sessions } as const },
  }
  const stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  const { url } = stack.endpoints.fargate!
  const { accessToken } = await signIn({ url, ...stack.users[0]! })
  const server = await bearerProxy(url, accessToken)
  await score(`fargate, ${sessions}`, `${server.url}/mcp`, posture)
  await server.close()
  await stack.close()
  await folder.remove()
}

/** The suite's own scenarios for authorization servers, against ours. */
async function authorization(): Promise<void> {
  const stack = await startStack(await readProject('examples/account-summary'), { port: 0 })
  const outcomes = await authorizationScenarios(stack)
  await stack.close()
  const good = outcomes.filter((each) => each.passed > 0 && each.failed === 0)
  const ok = good.length === 2
  console.log(`${ok ? '✓' : '✗'} the authorization service: ${good.length} of 2 scenarios`)
  for (const each of outcomes)
    if (!good.includes(each)) console.log(`    ${each.name}: ${each.passed} passed, ${each.failed} failed`)
  if (ok) passed++
  else failed++
}

async function inBrowser(): Promise<void> {
  const stack = await startStack(await readProject('examples/account-summary'), { port: 0 })
  const result = await signInByBrowser(stack.endpoints.fargate!.url, stack.users[0]!)
  await stack.close()
  console.log(`${result.ok ? '✓' : result.skipped ? '-' : '✗'} a sign-in in headless Chromium: ${result.said}`)
  if (result.ok) passed++
  else if (!result.skipped) failed++
}

async function score(name: string, url: string, posture: Posture = 'stateless'): Promise<void> {
  for (const revision of ['2026-07-28', '2025-11-25'] as const) {
    const { of } = requirements[revision]
    const { needed, except }: { needed: number; except: readonly string[] } = requirements[revision][posture]
    const outcomes = await conformance(url, revision)
    const good = outcomes.filter((each) => each.passed > 0 && each.failed === 0)
    const wrong = outcomes.filter((each) => (each.passed === 0 || each.failed > 0) && !except.includes(each.name))
    const ok = wrong.length === 0 && good.length >= needed
    console.log(`${ok ? '✓' : '✗'} ${name}: ${good.length} of ${of} required scenarios of ${revision}`)
    for (const each of wrong) console.log(`    ${each.name}: ${each.passed} passed, ${each.failed} failed`)
    if (ok) passed++
    else failed++
  }
}

async function runtime(): Promise<void> {
  const { answers, failures, kills, strangers, left } = await randomKills(60_000, Date.now())
  const ok = answers > 500 && kills > 100 && strangers.length === 0 && left.length === 0
  console.log(
    `${ok ? '✓' : '✗'} agentcore-runtime: twenty sessions for a minute, ${kills} kills: ${answers} answers, ${failures} failed calls, ${strangers.length} answers of another session, ${left.length} processes or folders left`,
  )
  if (ok) passed++
  else failed++
}

async function proxy(): Promise<void> {
  for (const revision of ['2026-07-28', '2025-11-25'] as const) {
    const outcomes = await onceMore(() => clientLeg(revision))
    const wrong = outcomes.filter((each) => !isGood(each))
    const good = outcomes.length - wrong.length
    const needed = clientRequirements[revision]
    tell(good >= needed, `fairlead proxy: ${good} of ${needed} required client scenarios of ${revision}`)
    for (const each of wrong) console.log(`    ${each.name}: ${each.passed} passed, ${each.failed} failed`)
    const auth = await onceMore(() => clientAuth(revision, 'proxy'))
    const reference = await onceMore(() => clientAuth(revision, 'reference'))
    const fewer = reference.flatMap(({ name, passed }) => {
      const ours = auth.find((each) => each.name === name) ?? { passed: 0, failed: 0 }
      return ours.failed > 0 || ours.passed < passed ? [{ name, passed, ours }] : []
    })
    const sum = (outcomes: Outcome[]) => outcomes.reduce((all, each) => all + each.passed, 0)
    tell(
      reference.length >= 14 && sum(reference) > 200 && fewer.length === 0,
      `fairlead proxy: ${sum(auth)} checks of authorization of ${revision} in ${auth.length} scenarios; the SDK's own client, with the same calls: ${sum(reference)}`,
    )
    for (const { name, passed, ours } of fewer)
      console.log(`    ${name}: ${ours.passed} passed, ${ours.failed} failed; the SDK's own client: ${passed}`)
  }
}

/** The suite starts all its clients at once, and on a busy machine one may be late: what fails runs once more, and that is said. */
async function onceMore(run: () => Promise<Outcome[]>): Promise<Outcome[]> {
  const first = await run()
  const late = first.filter((each) => !isGood(each))
  if (late.length === 0) return first
  console.log(`    run once more for ${late.map(({ name }) => name).join(', ')}`)
  return run()
}

function tell(ok: boolean, line: string): void {
  console.log(`${ok ? '✓' : '✗'} ${line}`)
  if (ok) passed++
  else failed++
}

/** MCP clients that others make, through `fairlead proxy` and from their own settings. */
async function clients(): Promise<void> {
  const [project, home] = [await copyProject(sample), await temporaryFolder()]
  const dev = await startDev(project.dir)
  try {
    const platforms = Object.keys(dev.state.endpoints)
    const outcomes = [
      ...(await stdioClients(platforms, project.dir, home.path)),
      ...(await clientSettings(project.dir, home.path)),
    ]
    for (const { name, ok, skipped, said } of outcomes)
      if (skipped) console.log(`- ${name}: ${said}`)
      else tell(ok, `${name}: ${said}`)
  } finally {
    await dev.stop()
    await project.remove()
    await home.remove()
  }
}

async function withAwsTools(): Promise<void> {
  for (const { what, ok, skipped, said } of await awsTools())
    if (skipped) console.log(`- ${what}: ${said}`)
    else tell(ok, `${what}: ${said}`)
}

async function python(): Promise<void> {
  for (const { what, ok, skipped, said } of await fastmcp())
    if (skipped) console.log(`- ${what}: ${said}`)
    else tell(ok, `${what}: ${said}`)
}
