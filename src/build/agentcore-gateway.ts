import { existsSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, relative, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { FairleadError } from '../errors.ts'
import { s3File, type BindingsFile } from '../gateway/bindings.ts'
import { deployedBindings, variablesOf } from '../gateway/deployed.ts'
import type { TargetDefinition } from '../gateway/definitions/types.ts'
import { documentFiles } from '../gateway/document-files.ts'
import { cedarPackage } from '../gateway/policies/cedar.ts'
import { offlineFindings } from '../gateway/policies/portability.ts'
import { refuse } from '../gateway/policies/validate.ts'
import { readGatewayProject, type GatewayProject } from '../gateway/project.ts'
import { localArns } from '../gateway/local-arns.ts'
import { writeArtifact, type Artifact } from './artifact.ts'
import type { BuildOptions } from './build.ts'
import { bundle } from './bundle.ts'
import { ownFile } from './own-file.ts'

export interface GatewayArtifact extends Artifact {
  /** The environment variables that the bindings name: they hold secrets. */
  variables: string[]
}

/**
 * For the process that runs the artifact. Without it V8 lets the young generation grow to 64 MB and more under load: 240 MB
 * resident instead of 110, for the same speed (`npm run bench gateway`).
 * @see https://nodejs.org/docs/latest-v24.x/api/cli.html#--max-semi-space-sizesize-in-mib
 */
export const gatewayNodeOptions = '--max-semi-space-size=4'

/**
 * Makes the artifact of a project's gateway: one index.js, the definitions and what of the bindings is true on AWS in
 * gateway.json, and the documents that they name. What is only true here is not in it. The same bytes every time.
 * Throws GATEWAY_BINDING, GATEWAY_POLICY, CONFIG_INVALID, and those of reading definitions.
 */
export async function buildGateway({ projectDir, config, outDir }: BuildOptions): Promise<GatewayArtifact> {
  const configured = config.platforms['agentcore-gateway']
  if (!configured)
    throw new FairleadError('CONFIG_INVALID', "The configuration has no `platforms['agentcore-gateway']`")
  const project = readGatewayProject(configured, projectDir)
  if (configured.deployAs === 'fargate' && project.gateway.authorizerType === 'AWS_IAM') throw iamOnFargate()
  const { files, s3 } = await documentsOf(project)
  const bindings = { ...deployedBindings(project.bindings, project.targets), ...s3 }
  const { gateway, targets } = project
  if (project.policies) refuse(await offlineFindings(project.policies, targets, project.bindings))
  const policies = project.policies?.map(({ name, statement }) => ({ name, statement }))
  const { code, warnings } = await (bundled ??= bundleGateway())
  const facts = `${JSON.stringify({ gateway, targets, ...(policies ? { policies } : {}), bindings }, null, 1)}\n`
  // What a build before this one had beside it is no part of this one.
  for (const name of ['documents', 'node_modules']) rmSync(join(outDir, name), { recursive: true, force: true })
  const artifact = writeArtifact(outDir, code, [...localArns(targets), ...warnings], {
    'gateway.json': facts,
    ...files,
    ...(policies ? cedarFiles() : {}),
  })
  return { ...artifact, variables: variablesOf(bindings) }
}

/** The engine goes along as it is: its code reads the WebAssembly beside itself. */
function cedarFiles(): Record<string, Uint8Array> {
  const folder = dirname(dirname(createRequire(import.meta.url).resolve(`${cedarPackage}/nodejs`)))
  const names = [
    'package.json',
    ...['package.json', 'cedar_wasm.js', 'cedar_wasm_bg.wasm'].map((name) => `nodejs/${name}`),
  ]
  return Object.fromEntries(
    names.map((name) => [`node_modules/${cedarPackage}/${name}`, readFileSync(join(folder, name))]),
  )
}

/** A load balancer verifies no signature, and nobody but AWS can. */
function iamOnFargate(): FairleadError {
  return new FairleadError('CONFIG_INVALID', 'A gateway on fargate cannot have `authorizerType: AWS_IAM`', {
    why: 'A load balancer verifies no signature, and a program outside of AWS cannot: it would refuse everyone.',
    fix: "Write deployAs: 'lambda', where the function URL verifies them, or take CUSTOM_JWT.",
  })
}

/** The documents that targets name by `s3://`, and those that these refer to, each in a folder of its own. */
async function documentsOf({
  targets,
  bindings,
}: GatewayProject): Promise<{ files: Record<string, string>; s3: Pick<BindingsFile, 's3'> }> {
  const uris = [...new Set(targets.flatMap(s3Of))]
  const files: Record<string, string> = {}
  const s3: Record<string, string> = {}
  for (const [at, uri] of uris.entries()) {
    const { root, paths } = await documentFiles(s3File(bindings, uri))
    const inArtifact = (file: string) => join('documents', String(at), relative(root, file)).split(sep).join('/')
    for (const file of paths) files[inArtifact(file)] = readFileSync(file, 'utf8')
    s3[uri] = `./${inArtifact(paths[0]!)}`
  }
  return { files, s3: uris.length > 0 ? { s3 } : {} }
}

function s3Of({ targetConfiguration: { mcp } }: TargetDefinition): string[] {
  const sources = [mcp.lambda?.toolSchema, mcp.openApiSchema, mcp.mcpServer?.mcpToolSchema]
  return sources.flatMap((source) => (source && 's3' in source ? [source.s3.uri] : []))
}

/** The same for every project, which comes in by gateway.json. */
let bundled: ReturnType<typeof bundleGateway> | undefined

async function bundleGateway(): Promise<{ code: string; warnings: string[] }> {
  const { code, warnings } = await bundle(
    `import { readFileSync } from 'node:fs'
import { runGateway } from 'fairlead/gateway-artifact'
const facts = JSON.parse(readFileSync(new URL('gateway.json', import.meta.url), 'utf8'))
export const handler = await runGateway(facts, import.meta.dirname)`,
    fileURLToPath(new URL('../..', import.meta.url)),
    { alias: { 'fairlead/gateway-artifact': ownFile('adapters/gateway-artifact') }, plugins: [poolOnly] },
  )
  return { code, warnings: warnings.map(({ text }) => text) }
}

const pool = join(dirname(fileURLToPath(import.meta.resolve('undici'))), 'lib/dispatcher/pool.js')

/** Of undici the gateway uses its pool alone; all of it takes 14 MB of memory more. */
const poolOnly: Plugin = {
  name: 'undici’s pool only',
  setup: ({ onResolve, onLoad }) => {
    if (!existsSync(pool)) return
    onResolve({ filter: /^undici$/ }, () => ({ path: 'pool', namespace: 'undici' }))
    onLoad({ filter: /.*/, namespace: 'undici' }, () => ({
      contents: `export { default as Pool } from './pool.js'`,
      resolveDir: dirname(pool),
    }))
  },
}
