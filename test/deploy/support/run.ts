import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { AssetStaging } from 'aws-cdk-lib'
import type { Command } from 'commander'
import type { Ran } from '../../cli/support.ts'

/**
 * Runs a command of the command line in this process, where CDK is loaded already: with an environment of its own, and what it
 * writes kept. Standard input is no terminal.
 */
export async function run(args: string[], env: Record<string, string>): Promise<Ran> {
  const [name, ...rest] = args as [string, ...string[]]
  const module = (await import(`../../../src/cli/commands/${name}.ts`)) as Record<string, () => Command>
  const [before, outWrite, errWrite] = [{ ...process.env }, process.stdout.write, process.stderr.write]
  const kept = { stdout: '', stderr: '' }
  const keep = (stream: keyof typeof kept) =>
    ((text: string, done?: () => void) => {
      kept[stream] += text
      done?.()
      return true
    }) as typeof process.stdout.write
  process.stdout.write = keep('stdout')
  process.stderr.write = keep('stderr')
  Object.assign(process.env, env)
  process.exitCode = undefined
  // CDK remembers the hash of a folder for as long as its process lives.
  AssetStaging.clearAssetHashCache()
  try {
    await module[`${name}Command`]!().parseAsync(rest, { from: 'user' })
    return { code: exitCodeNow(), ...kept }
  } finally {
    process.exitCode = undefined
    process.stdout.write = outWrite
    process.stderr.write = errWrite
    for (const key of Object.keys(process.env)) if (!(key in before)) delete process.env[key]
    Object.assign(process.env, before)
  }
}

function exitCodeNow(): number {
  return Number(process.exitCode ?? 0)
}

export interface DeployProject {
  dir: string
  /** Writes the configuration: `config` over what it has. */
  configure(config: Record<string, unknown>): Promise<void>
  remove(): Promise<void>
}

const server = `import { McpServer } from '@modelcontextprotocol/server'
export default () => new McpServer({ name: 'hello', version: '1.0.0' })
`

/** A small project with a home folder of its own. */
export async function deployProject(): Promise<DeployProject> {
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-deploy-'))
  await mkdir(join(dir, 'home'))
  await symlink(fileURLToPath(new URL('../../../node_modules', import.meta.url)), join(dir, 'node_modules'))
  await writeFile(join(dir, 'server.ts'), server)
  const configure = (config: Record<string, unknown>) =>
    writeFile(
      join(dir, 'fairlead.config.ts'),
      `export default ${JSON.stringify({ name: 'hello', server: { kind: 'module', entry: './server.ts' }, callers: ['arn:aws:iam::111122223333:role/agent'], platforms: { lambda: {} }, ...config })}`,
    )
  await configure({})
  return { dir, configure, remove: () => rm(dir, { recursive: true, force: true }) }
}
