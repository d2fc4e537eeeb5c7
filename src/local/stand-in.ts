import { spawn, type ChildProcess } from 'node:child_process'
import { basename, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { DevConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'

export interface StandIn {
  /** The variables that point the server's AWS clients at the stand-in. */
  env: Record<string, string>
  close(): Promise<void>
}

/** Runs the project's stand-in for AWS services as a child, until closed. Throws STAND_IN_FAILED. */
export async function startStandIn(dev: DevConfig, projectDir: string): Promise<StandIn> {
  if (!dev.standIn) return { env: {}, close: async () => {} }
  // It ends with us, whatever ends us: its stdin is a pipe that closes then.
  const child = spawn(process.execPath, [resolve(projectDir, dev.standIn)], {
    cwd: projectDir,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { PATH: process.env.PATH ?? '' },
  })
  const url = await announced(child, basename(dev.standIn))
  const env = Object.fromEntries((dev.env ?? []).map((name) => [name, url]))
  return { env, close: () => end(child) }
}

async function announced(child: ChildProcess, name: string): Promise<string> {
  let said = ''
  child.stderr!.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-2000)))
  const failed = (what: string) =>
    new FairleadError('STAND_IN_FAILED', `The stand-in ${name} ${what}`, {
      fix: `Run it alone and read what it says: node ${name}`,
      ...(said ? { why: said.trim().split('\n')[0]! } : {}),
    })
  return new Promise((resolvePromise, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      reject(failed('said nothing for 10 s'))
    }, 10_000)
    const lines = createInterface({ input: child.stdout! })
    lines.once('line', (line) => {
      clearTimeout(timer)
      const url = urlIn(line)
      if (url) return resolvePromise(url)
      child.kill('SIGKILL')
      reject(failed('printed something else than {"url": "http://127.0.0.1:…"}'))
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(failed(`ended with ${code}`))
    })
    child.once('error', (error) => reject(failed(error.message)))
  })
}

function urlIn(line: string): string | undefined {
  try {
    const { url } = JSON.parse(line) as { url?: unknown }
    return typeof url === 'string' && new URL(url).hostname === '127.0.0.1' ? url : undefined
  } catch {
    return undefined
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = new Promise((resolvePromise) => child.once('exit', resolvePromise))
  child.kill('SIGTERM')
  const timer = setTimeout(() => child.kill('SIGKILL'), 1000)
  await gone
  clearTimeout(timer)
}
