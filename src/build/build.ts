import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BuildFailure, Message } from 'esbuild'
import type { FairleadConfig, Server } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { scopesOf } from '../scopes.ts'
import { writeArtifact, type Artifact } from './artifact.ts'
import { bundle } from './bundle.ts'
import { ownFile } from './own-file.ts'
import { usesRequestState } from './request-state.ts'

export interface BuildOptions {
  projectDir: string
  config: FairleadConfig
  outDir: string
}

/**
 * Makes the artifact: one index.js and a package.json, the same bytes for every platform and from every folder.
 * Throws SERVER_NOT_FOUND and SERVER_BROKEN, with the line that is wrong.
 */
export async function buildArtifact({ projectDir, config, outDir }: BuildOptions): Promise<Artifact> {
  if (!config.server) throw new FairleadError('CONFIG_INVALID', 'The configuration names no `server`')
  const { code, warnings } = await bundleServer(projectDir, config, config.server)
  return writeArtifact(outDir, code, warnings)
}

/** Builds twice, in two folders, and compares. Throws NOT_REPRODUCIBLE. */
export async function checkReproducible(
  options: Omit<BuildOptions, 'outDir'>,
  make: (options: BuildOptions) => Promise<Artifact> = buildArtifact,
): Promise<string> {
  const folders = [0, 1].map(() => mkdtempSync(join(tmpdir(), 'fairlead-check-')))
  const [first, second] = [
    await make({ ...options, outDir: folders[0]! }),
    await make({ ...options, outDir: folders[1]! }),
  ]
  if (first.digest !== second.digest)
    throw new FairleadError('NOT_REPRODUCIBLE', 'Two builds of the same sources gave different bytes', {
      fix: `Compare them: diff ${folders.join(' ')}`,
    })
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
  return first.digest
}

async function bundleServer(
  projectDir: string,
  config: FairleadConfig,
  server: Server,
): Promise<{ code: string; warnings: string[] }> {
  if (server.kind === 'module' && !existsSync(resolve(projectDir, server.entry)))
    throw new FairleadError('SERVER_NOT_FOUND', `There is no ${server.entry}`)
  const once = (sealed: boolean) =>
    bundle(entry(config, server, sealed), projectDir, {
      alias: {
        'fairlead/artifact': ownFile('adapters/artifact'),
        'fairlead/command': ownFile('server/command'),
        'fairlead/guard': ownFile('adapters/oauth'),
        'fairlead/settings': ownFile('adapters/settings'),
        'fairlead/state': ownFile('adapters/shared-state'),
        'fairlead/tasks': ownFile('adapters/tasks'),
        'fairlead/task': ownFile('adapters/fargate'),
      },
      nodePaths: [fileURLToPath(new URL('../../node_modules', import.meta.url))],
    })
  try {
    const first = await once(false)
    // Only the bundle says whether the server needs a secret, and with it what reads one on start.
    const { code, warnings } = usesRequestState(first.code) ? await once(true) : first
    return { code, warnings: warnings.map(said) }
  } catch (error) {
    const [first] = (error as BuildFailure).errors ?? []
    if (!first) throw error
    throw new FairleadError('SERVER_BROKEN', `The server cannot be built: ${said(first)}`, {
      cause: error,
      ...(first.notes[0] ? { why: first.notes[0].text } : {}),
    })
  }
}

/** The artifact's first lines. What this configuration does not use is not in the bundle. */
function entry(config: FairleadConfig, server: Server, sealed: boolean): string {
  const tools = JSON.stringify(config.tools ?? {})
  const [imports, features] = featuresOf(config, sealed)
  const run = (source: string) =>
    `export const handler = await runArtifact(${source}, ${JSON.stringify({ tools: config.tools ?? {} })}, ${features})`
  if (server.kind === 'module')
    return `import factory from ${JSON.stringify(server.entry)}
import { runArtifact } from 'fairlead/artifact'
${imports}
if (typeof factory !== 'function') throw new TypeError('The default export of ${server.entry} is not a function that makes an McpServer')
${run("{ kind: 'factory', factory }")}`
  return `import { fileURLToPath } from 'node:url'
import { loadCommand } from 'fairlead/command'
import { runArtifact } from 'fairlead/artifact'
${imports}
${run(`loadCommand(${JSON.stringify(server)}, { projectDir: process.env.FAIRLEAD_PROJECT_DIR ?? fileURLToPath(new URL('project', import.meta.url)), tools: ${tools} })`)}`
}

/** Import lines and the object of features that they give. */
function featuresOf(config: FairleadConfig, sealed: boolean): [imports: string, features: string] {
  const { fargate, lambda } = config.platforms
  const settings = "import { resolveSettings } from 'fairlead/settings'"
  if (!fargate && lambda?.auth !== 'oauth') return sealed ? [settings, '{ settings: resolveSettings }'] : ['', '{}']
  const { name, tools = {}, oauth = {} } = config
  const facts = JSON.stringify({ name, ...scopesOf(config), tools, oauth })
  const imports = [
    "import { guardByOauth } from 'fairlead/guard'",
    settings,
    "import { sharedState } from 'fairlead/state'",
  ]
  const features = ['settings: resolveSettings', `guard: guardByOauth(${facts})`, 'state: sharedState']
  if (fargate) {
    imports.push("import { taskOf } from 'fairlead/task'")
    features.push(`task: taskOf(${JSON.stringify({ sessions: fargate.sessions })})`)
  }
  if (fargate && Object.values(tools).some(({ task }) => task)) {
    imports.push("import { tasksOf } from 'fairlead/tasks'")
    features.push('tasks: tasksOf')
  }
  return [imports.join('\n'), `{ ${features.join(', ')} }`]
}

function said({ text, location }: Message): string {
  return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text
}
