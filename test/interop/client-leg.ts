import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readOutcomes, requiredBy, suite, type Outcome } from './conformance.ts'

const clients = {
  proxy: fileURLToPath(new URL('conformance-client.ts', import.meta.url)),
  reference: fileURLToPath(new URL('conformance-reference.ts', import.meta.url)),
}

/** Passed checks that a scenario must have, since one that passes with nothing checked proves nothing. */
const atLeast: Record<string, number> = {
  'http-custom-headers': 18,
  'http-invalid-tool-headers': 12,
  'request-metadata': 8,
  'sep-2322-client-request-state': 5,
  'http-standard-headers': 9,
  'sse-retry': 3,
}

export const clientRequirements = { '2026-07-28': 32, '2025-11-25': 18 } as const

/** Runs the required client scenarios of a revision, with `fairlead proxy` as the client's only way to the server. */
export async function clientLeg(revision: keyof typeof clientRequirements): Promise<Outcome[]> {
  const required = await requiredBy(revision, 'client')
  return (await run(['--requirements', revision])).filter(({ name }) => required.has(name))
}

/**
 * Runs the authorization scenarios of a revision. How many checks there are depends on how often a client asks, so the
 * official SDK's client, making the same calls, is the measure.
 */
export async function clientAuth(
  revision: keyof typeof clientRequirements,
  who: keyof typeof clients,
): Promise<Outcome[]> {
  return run(['--suite', 'auth', '--spec-version', revision], who)
}

export function isGood({ name, passed, failed }: Outcome): boolean {
  return failed === 0 && passed >= (atLeast[name] ?? 1)
}

async function run(args: string[], who: keyof typeof clients = 'proxy'): Promise<Outcome[]> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-conformance-'))
  const command = `${process.execPath} ${clients[who]}`
  const child = spawn(process.execPath, [suite, 'client', '--command', command, ...args, '-o', dir], {
    stdio: 'ignore',
  })
  await new Promise((resolve) => child.on('close', resolve))
  return readOutcomes(dir)
}
