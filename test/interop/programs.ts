import { execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** MCP clients that others make. They are large, so they come only when they are asked for. */
const programs = {
  inspector: { package: '@modelcontextprotocol/inspector', version: '2.12.0', bin: 'mcp-inspector', mb: 110 },
  mcpc: { package: '@apify/mcpc', version: '0.2.6', bin: 'mcpc', mb: 122 },
  // Its `bin` is put in place by an install script, which is not run.
  claude: { package: '@anthropic-ai/claude-code', version: '2.1.331', bin: 'claude', file: 'cli-wrapper.cjs', mb: 381 },
  codex: { package: '@openai/codex', version: '0.169.0', bin: 'codex', mb: 404 },
  gemini: { package: '@google/gemini-cli', version: '0.61.0', bin: 'gemini', mb: 100 },
  copilot: { package: '@github/copilot', version: '1.0.102', bin: 'copilot', mb: 189 },
} as const satisfies Record<string, { package: string; version: string; bin: string; file?: string; mb: number }>
export type ProgramName = keyof typeof programs

const folder = fileURLToPath(new URL('../../node_modules/.fairlead-programs/', import.meta.url))

/** The command of a program: from its own folder here, where `--install` puts it, or from the PATH. Undefined: it is not here. */
export function programAt(name: ProgramName): string[] | undefined {
  const { package: named, bin, ...more } = programs[name]
  const root = join(folder, name, 'node_modules', named)
  if (existsSync(join(root, 'package.json'))) {
    const { bin: bins } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { bin: string | Record<string, string> } // prettier-ignore
    const file = 'file' in more ? more.file : typeof bins === 'string' ? bins : bins[bin]
    return [process.execPath, join(root, file!)]
  }
  const found = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, bin)).find((file) => existsSync(file)) // prettier-ignore
  return found === undefined ? undefined : [found]
}

/** Why a program is not there, and how it comes. */
export function whyNot(name: ProgramName): string {
  const { package: named, version, mb } = programs[name]
  return `skipped: ${named} is not on this machine; npm run interop clients -- --install brings ${version} (${mb} MB)`
}

/** Installs the programs that are not here, without install scripts. */
export function installPrograms(): void {
  for (const name of Object.keys(programs) as ProgramName[]) {
    const { package: named, version } = programs[name]
    if (programAt(name)) continue
    const dir = join(folder, name)
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'package.json'), '{"private":true}')
    const npm = process.env.npm_execpath?.endsWith('.js') ? [process.execPath, process.env.npm_execpath] : ['npm']
    const args = ['install', '--prefix', dir, '--ignore-scripts', '--no-audit', '--no-fund', `${named}@${version}`]
    console.log(`  installing ${named} ${version}`)
    execFileSync(npm[0]!, [...npm.slice(1), ...args], { cwd: dir, stdio: ['ignore', 'ignore', 'inherit'] })
  }
}

/** Runs a program in a home of its own, and gives what it said. It is ended after two minutes. */
export async function runProgram(
  command: string[],
  args: string[],
  home: string,
  env: Record<string, string> = {},
): Promise<{ said: string; code: number | null }> {
  const child = spawn(command[0]!, [...command.slice(1), ...args], {
    cwd: home,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 120_000,
    env: { PATH: process.env.PATH ?? '', HOME: home, NO_COLOR: '1', CI: '1', ...env },
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { said, code }
}
