import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { clientFacts, type ClientName, type Home } from './table.ts'

export function thisHome(env: NodeJS.ProcessEnv = process.env): Home {
  return { home: env.HOME || homedir(), platform: process.platform, env }
}

/** The file that holds a client's servers: the user's, or the project's. Undefined where the client has none there. */
export function settingsFile(
  client: ClientName,
  scope: 'user' | 'project',
  home: Home,
  dir: string,
): string | undefined {
  const { userFile, projectFile } = clientFacts(client)
  if (scope === 'user') return userFile(home)
  return projectFile === undefined ? undefined : join(dir, projectFile)
}

/** Whether the client seems to be here: it has left a file or a folder of its own. */
export function isInstalled(client: ClientName, home: Home): boolean {
  const file = clientFacts(client).userFile(home)
  return existsSync(file) || (dirname(file) !== home.home && existsSync(ownFolder(dirname(file))))
}

/** `…/Code/User` is made by VS Code itself, as `.kiro/settings` is by Kiro. */
function ownFolder(folder: string): string {
  return /(?:User|settings)$/.test(folder) ? dirname(folder) : folder
}
