import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bin } from '../cli/support.ts'
import { programAt, runProgram, whyNot } from './programs.ts'

/** One tool of each local platform, with what it is given and what its answer has. */
const orders = { tool: 'orders___get_order', key: 'order_id', value: 'A-1002', has: 'Grace Hopper' }
const summary = { tool: 'get_account_summary', key: 'account_id', value: '012345678901', has: 'total_usd' }

export interface ClientOutcome {
  name: string
  ok: boolean
  skipped?: boolean
  said: string
}

/** Lists and calls a tool on each platform with mcpc and with MCP Inspector's command line, through `fairlead proxy`. */
export async function stdioClients(platforms: string[], project: string, home: string): Promise<ClientOutcome[]> {
  const settings = join(home, 'mcp.json')
  const entry = (platform: string) => ({ command: process.execPath, args: [bin, 'proxy', platform, '--project', project] }) // prettier-ignore
  const mcpServers = Object.fromEntries(platforms.map((platform) => [platform, entry(platform)]))
  writeFileSync(settings, JSON.stringify({ mcpServers }))
  const outcomes: ClientOutcome[] = []
  for (const platform of platforms) {
    outcomes.push(await inspector(platform, settings, home, 'legacy'), await inspector(platform, settings, home, 'auto')) // prettier-ignore
    outcomes.push(await mcpc(platform, settings, home))
  }
  return outcomes
}

async function inspector(
  platform: string,
  settings: string,
  home: string,
  era: 'legacy' | 'auto',
): Promise<ClientOutcome> {
  const name = `MCP Inspector's CLI (${era}) on ${platform}`
  const command = programAt('inspector')
  if (!command) return { name, ok: false, skipped: true, said: whyNot('inspector') }
  const { tool, key, value, has } = toolOf(platform)
  const run = async (...more: string[]) =>
    runProgram(command, ['--cli', '--config', settings, '--server', platform, '--protocol-era', era, ...more], home)
  const listed = await run('--method', 'tools/list')
  const called = await run('--method', 'tools/call', '--tool-name', tool, '--tool-arg', `${key}=${value}`)
  return outcome(name, [listed, tool], [called, has])
}

async function mcpc(platform: string, settings: string, home: string): Promise<ClientOutcome> {
  const name = `mcpc on ${platform}`
  const command = programAt('mcpc')
  if (!command) return { name, ok: false, skipped: true, said: whyNot('mcpc') }
  const { tool, key, value, has } = toolOf(platform)
  const env = { MCPC_HOME_DIR: join(home, 'mcpc') }
  const run = async (...args: string[]) => runProgram(command, args, home, env)
  const session = `@${platform}`
  await run('connect', `${settings}:${platform}`, session, '--json')
  const listed = await run(session, 'tools-list', '--json')
  const called = await run(session, 'tools-call', tool, `${key}:=${JSON.stringify(value)}`, '--json')
  await run('close', session)
  return outcome(name, [listed, tool], [called, has])
}

function toolOf(platform: string): typeof orders {
  return platform === 'agentcore-gateway' ? orders : summary
}

function outcome(name: string, ...steps: [{ said: string; code: number | null }, string][]): ClientOutcome {
  const wrong = steps.find(([{ said, code }, has]) => code !== 0 || !said.includes(has))
  if (!wrong) return { name, ok: true, said: 'listed and called' }
  return { name, ok: false, said: `exit ${wrong[0].code}: ${wrong[0].said.slice(0, 500)}` }
}
