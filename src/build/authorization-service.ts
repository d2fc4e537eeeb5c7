import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { writeArtifact, type Artifact } from './artifact.ts'
import { ownFile } from './own-file.ts'

/** Where the build of this package leaves it, so that no project has to bundle it again. */
const madeBefore = fileURLToPath(new URL('../artifacts/authorization-service/index.js', import.meta.url))

/**
 * Makes the artifact of the authorization service: one index.js and a package.json, the same bytes every time. It is the
 * same for every project, which comes in by environment.
 */
export async function buildAuthorizationService(outDir: string): Promise<Artifact> {
  const { code, warnings } = existsSync(madeBefore)
    ? { code: readFileSync(madeBefore, 'utf8'), warnings: [] }
    : await bundle()
  return writeArtifact(outDir, code, warnings)
}

/** Names of classes are kept: oidc-provider stores by them. */
async function bundle(): Promise<{ code: string; warnings: string[] }> {
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const result = await build({
    stdin: {
      contents: `import { runAuthorizationService } from 'fairlead/authorization-service'
export const handler = await runAuthorizationService()`,
      resolveDir: root,
      sourcefile: 'artifact.js',
      loader: 'js',
    },
    absWorkingDir: root,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    minify: true,
    keepNames: true,
    legalComments: 'none',
    write: false,
    logLevel: 'silent',
    banner: {
      js: "import{createRequire as __fairleadRequire}from'node:module';const require=__fairleadRequire(import.meta.url);",
    },
    alias: { 'fairlead/authorization-service': ownFile('adapters/authorization-service') },
  })
  return { code: result.outputFiles[0]!.text, warnings: result.warnings.map(({ text }) => text) }
}
