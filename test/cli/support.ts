import { spawn, type ChildProcess } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LocalState } from '../../src/local/state.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
export const bin = join(root, 'bin/fairlead.js')

export interface Ran {
  code: number | null
  stdout: string
  stderr: string
}

/** Runs the command as a user does, and waits for its end. */
export async function fairlead(args: string[], options: { cwd: string; env?: Record<string, string> }): Promise<Ran> {
  const child = spawn(process.execPath, [bin, ...args], { cwd: options.cwd, env: { ...process.env, ...options.env } })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { code, stdout, stderr }
}

export interface RunningDev {
  state: LocalState
  child: ChildProcess
  /** Resolves when what the command said on stderr matches. */
  said(pattern: RegExp): Promise<void>
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

/** Starts `fairlead dev --port 0 --json` and waits until it is ready. Throws what it said when it ends before. */
export async function startDev(cwd: string, args: string[] = ['--port', '0']): Promise<RunningDev> {
  const child = spawn(process.execPath, [bin, 'dev', '--json', ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] })
  let stdout = ''
  let stderr = ''
  const waiting: { pattern: RegExp; resolve: () => void }[] = []
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
    for (const each of waiting) if (each.pattern.test(stderr)) each.resolve()
  })
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve))
  const state = await new Promise<LocalState>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
      if (stdout.includes('\n')) resolve((JSON.parse(stdout) as { data: LocalState }).data)
    })
    void ended.then((code) => reject(new Error(`dev ended with ${code}: ${stdout}${stderr}`)))
  })
  return {
    state,
    child,
    said: (pattern) =>
      pattern.test(stderr) ? Promise.resolve() : new Promise((resolve) => waiting.push({ pattern, resolve })),
    stop: (signal = 'SIGINT') => {
      child.kill(signal)
      return ended
    },
  }
}

/** A folder of its own for a project, with the repository's packages in reach. Removed with `remove`. */
export async function copyProject(fixture: string): Promise<{ dir: string; remove(): Promise<void> }> {
  const parent = await mkdtemp(join(tmpdir(), 'fairlead-test-'))
  const dir = join(parent, 'project')
  await mkdir(dir)
  const filter = (from: string) => !from.includes('.fairlead/') && !from.includes('node_modules')
  if (existsSync(fixture)) await cp(fixture, dir, { recursive: true, filter })
  // The sample's gateway stands over what is beside it.
  if (fixture === sample)
    await cp(join(sample, '../brownfield'), join(parent, 'brownfield'), { recursive: true, filter })
  for (const each of [dir, parent]) await symlink(join(root, 'node_modules'), join(each, 'node_modules'))
  return { dir, remove: () => rm(parent, { recursive: true, force: true }) }
}

export const sample = join(root, 'examples/account-summary')
