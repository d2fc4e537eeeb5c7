import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { FairleadConfig, Server } from '../config.ts'
import { FairleadError } from '../errors.ts'
import type { Platform } from '../platforms.ts'
import { addToArtifact, type Artifact } from './artifact.ts'
import { buildArtifact, type BuildOptions } from './build.ts'
import { commandFiles, missingRequirements, packagesFolder, type CommandFile } from './command-files.ts'

/** The folder of an artifact with the files of a command; the artifact looks for it beside itself. */
const projectFolder = 'project'

/** The file that the Lambda Web Adapter starts. */
export const startScript = 'run.sh'

/**
 * What stands before a server in Python. The MCP SDK for Python takes a Host of localhost alone, where it is not told of others,
 * and the adapter passes on the function URL's; no variable and no setting of either changes that.
 * @see https://github.com/modelcontextprotocol/python-sdk/blob/main/src/mcp/server/transport_security.py (mcp 1.30.0 and 2.3.0)
 */
const localhost = 'localhost.py'

export interface BuildForAwsOptions extends BuildOptions {
  /** Where it is to run: what is not there is refused. */
  platforms?: readonly Platform[]
}

/**
 * Makes the artifact as AWS gets it: with the files that a command of the project needs, which `dev` finds in the project.
 * The same bytes from every folder. Throws what `buildArtifact` throws, and COMMAND_FILES.
 */
export async function buildForAws(options: BuildForAwsOptions): Promise<Artifact> {
  const { projectDir, config, outDir, platforms = [] } = options
  for (const name of [projectFolder, startScript, localhost])
    rmSync(join(outDir, name), { recursive: true, force: true })
  const artifact = await buildArtifact(options)
  const { server } = config
  if (!server || server.kind === 'module') return artifact
  refuseForeign(server, config, platforms)
  const runtime = config.platforms.lambda?.runtime
  const { files, warnings } = commandFiles(projectDir, server)
  const names: string[] = []
  for (const { name, path } of files) {
    const to = join(outDir, projectFolder, name)
    mkdirSync(dirname(to), { recursive: true })
    copyFileSync(path, to)
    names.push(`${projectFolder}/${name}`)
  }
  if (runtime) {
    if (platforms.includes('lambda')) refuseMissing(projectDir, server, runtime)
    writeFileSync(join(outDir, startScript), script(server))
    chmodSync(join(outDir, startScript), 0o755)
    copyFileSync(new URL(localhost, import.meta.url), join(outDir, localhost))
    names.push(startScript, localhost)
    warnings.push(...keepsSessions(files))
  }
  return addToArtifact(artifact, names, warnings)
}

/** How a base image is named in the configuration. */
const ofImages: Partial<Record<Platform, string>> = {
  fargate: "fargate: { baseImage: '…' }",
  'agentcore-runtime': "'agentcore-runtime': { package: 'image', baseImage: '…' }",
}

/** Where only Node is beside the artifact, a command of another language cannot be started. */
function refuseForeign(
  { command, kind }: Exclude<Server, { kind: 'module' }>,
  { platforms: configured }: FairleadConfig,
  platforms: readonly Platform[],
): void {
  if (command === 'node' || command.includes('/')) return
  const { lambda, fargate, 'agentcore-runtime': runtime } = configured
  const ofOwn = (fargate?.baseImage ?? runtime?.baseImage) !== undefined
  const nodeAlone: Partial<Record<Platform, boolean>> = {
    lambda: lambda?.runtime === undefined,
    fargate: !ofOwn,
    'agentcore-runtime': runtime?.package !== 'image' || !ofOwn,
  }
  const where = platforms.find((name) => nodeAlone[name])
  if (where === undefined) return
  const own = 'Bring a program in the command’s folder (./server, for Linux on arm64)'
  throw new FairleadError('COMMAND_FILES', `On ${where} there is no ${command}`, {
    why: 'Node is there, and what is in the command’s folder.',
    fix:
      where !== 'lambda'
        ? `${own}, or name an image with Node 22 and ${command}: platforms: { ${ofImages[where]} }.`
        : kind === 'http' && command.startsWith('python')
          ? "Write platforms: { lambda: { runtime: 'python3.13' } }."
          : `${own}, or a server of kind \`http\` in Python.`,
  })
}

/** A server of the MCP SDK for Python keeps sessions unless it is told not to: where there is one process, as here, that works. */
function keepsSessions(files: readonly CommandFile[]): string[] {
  const own = files.filter(({ name }) => name.endsWith('.py') && !name.split('/').includes(packagesFolder))
  const texts = own.map(({ name, path }) => ({ name, text: readFileSync(path, 'utf8') }))
  const maker = texts.find(({ text }) => /\b(FastMCP|MCPServer)\(/.test(text))
  if (!maker || texts.some(({ text }) => /\bstateless_http\b/.test(text))) return []
  return [
    `${maker.name} keeps sessions, of which Lambda’s other environments know nothing: give it stateless_http=True`,
  ]
}

function refuseMissing(projectDir: string, server: Exclude<Server, { kind: 'module' }>, runtime: string): void {
  const missing = missingRequirements(projectDir, server)
  if (missing.length === 0) return
  throw new FairleadError(
    'COMMAND_FILES',
    `requirements.txt asks for ${missing.slice(0, 3).join(', ')}, which is not in the folder`,
    {
      why: 'AWS installs nothing: the packages go along with the command, for Linux on arm64.',
      fix: `cd ${server.cwd ?? '.'} && pip install -r requirements.txt --target ${packagesFolder} --platform manylinux2014_aarch64 --only-binary=:all: --python-version ${runtime.replace('python', '')}`,
    },
  )
}

/** What the Lambda Web Adapter starts: the command in its folder, and before it what the adapter calls. */
function script({ command, args = [], cwd = '.', env = {} }: Exclude<Server, { kind: 'module' }>): string {
  const folder = `$LAMBDA_TASK_ROOT/${projectFolder}${cwd === '.' ? '' : `/${cwd.replace(/^\.\//, '')}`}`
  return [
    '#!/bin/sh',
    `cd "${folder}" || exit 1`,
    `export PYTHONPATH="${folder}:${folder}/${packagesFolder}\${PYTHONPATH:+:$PYTHONPATH}"`,
    ...Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}`),
    `exec python3 -I -S "$LAMBDA_TASK_ROOT/${localhost}" "$AWS_LWA_PORT" "$PORT" ${[command, ...args].map(quoted).join(' ')}`,
    '',
  ].join('\n')
}

function quoted(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
