import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { writeArtifact, type Artifact } from './artifact.ts'
import { bundle } from './bundle.ts'
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
    : await bundleService()
  return writeArtifact(outDir, code, warnings)
}

/** Names of classes are kept: oidc-provider stores by them. */
async function bundleService(): Promise<{ code: string; warnings: string[] }> {
  const { code, warnings } = await bundle(
    `import { runAuthorizationService } from 'fairlead/authorization-service'
export const handler = await runAuthorizationService()`,
    fileURLToPath(new URL('../..', import.meta.url)),
    { keepNames: true, alias: { 'fairlead/authorization-service': ownFile('adapters/authorization-service') } },
  )
  return { code, warnings: warnings.map(({ text }) => text) }
}
