import { readFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Whether a server seals what it gives to its clients between two requests: then all its processes need one secret. A secret
 * costs 0.40 dollars a month, so a server that seals nothing has none.
 */
export function usesRequestState(artifactDir: string): boolean {
  return readFileSync(join(artifactDir, 'index.js'), 'utf8').includes('"request-state"')
}
