import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fairlead } from '../cli/support.ts'
import { programAt, runProgram, whyNot, type ProgramName } from './programs.ts'
import type { ClientOutcome } from './stdio-clients.ts'

/** A client's own command that reads its settings, and what it says of the proxy's entry: where it tries it, that it is connected. */
const readers: Record<string, { program: ProgramName; args: string[]; proxy: RegExp }> = {
  'claude-code': { program: 'claude', args: ['mcp', 'list'], proxy: /fairlead-lambda: .*Connected/ },
  codex: { program: 'codex', args: ['mcp', 'list'], proxy: /fairlead-lambda .* proxy lambda .*enabled/ },
  'gemini-cli': { program: 'gemini', args: ['mcp', 'list'], proxy: /fairlead-lambda: .*Connected/ },
  'copilot-cli': { program: 'copilot', args: ['mcp', 'list'], proxy: /fairlead-lambda \(local\)/ },
}
const elsewhere = 'https://tools.example.com/mcp'

/** Writes entries with `fairlead connect`, and has each client's own command read them back, and miss them after `--remove`. */
export async function clientSettings(project: string, home: string): Promise<ClientOutcome[]> {
  const outcomes: ClientOutcome[] = []
  // Gemini CLI starts servers only in folders that it is told to trust.
  mkdirSync(join(home, '.gemini'), { recursive: true })
  writeFileSync(join(home, '.gemini/trustedFolders.json'), JSON.stringify({ [home]: 'TRUST_FOLDER' }))
  for (const [client, { program, args, proxy }] of Object.entries(readers)) {
    const name = `${client} reads what connect wrote`
    const command = programAt(program)
    if (!command) {
      outcomes.push({ name, ok: false, skipped: true, said: whyNot(program) })
      continue
    }
    const connect = async (...words: string[]) => fairlead(['connect', client, ...words, '--project', project], { cwd: home, env: { HOME: home, XDG_CONFIG_HOME: '', CODEX_HOME: '', COPILOT_HOME: '' } }) // prettier-ignore
    await connect('--on', 'lambda', '--write')
    await connect('--on', elsewhere, '--auth', 'oauth', '--write')
    const { said } = await runProgram(command, args, home)
    await connect('--on', 'lambda', '--remove')
    await connect('--on', elsewhere, '--remove')
    const after = await runProgram(command, args, home)
    const missing = [
      ...(proxy.test(said) ? [] : ['the proxy’s entry']),
      ...(said.includes(elsewhere) || (client === 'copilot-cli' && /tools \(http\)/.test(said)) ? [] : ['the HTTP entry']), // prettier-ignore
      ...(after.said.includes('fairlead-lambda') ? ['that it was removed'] : []),
    ]
    const ok = missing.length === 0
    outcomes.push({ name, ok, said: ok ? args.join(' ') : `not said: ${missing.join(', ')}: ${said.slice(0, 600)}` })
  }
  return outcomes
}
