import type { ProtectedResource } from '../oauth/scopes.ts'
import { parametersUnder } from './settings.ts'

/** The variable with the ARN of the path where each server that is deployed leaves what tokens are issued for. */
export const resourcesVariable = 'FAIRLEAD_RESOURCES_FROM'

/** Reads what the servers of a deployment left for the authorization service. What cannot be read as one is passed over, by a line of log. */
export async function protectedResources(env: NodeJS.ProcessEnv): Promise<ProtectedResource[]> {
  const texts = await parametersUnder(env, resourcesVariable)
  return texts.flatMap((text) => {
    const found = parse(text)
    if (!found) process.stderr.write(`${JSON.stringify({ level: 'error', event: 'resources.unreadable' })}\n`)
    return found ?? []
  })
}

function parse(text: string): ProtectedResource | undefined {
  try {
    const { resource, name, scopes } = JSON.parse(text) as Partial<ProtectedResource>
    if (typeof resource !== 'string' || !URL.canParse(resource) || typeof name !== 'string') return undefined
    return typeof scopes === 'object' && scopes !== null ? { resource, name, scopes } : undefined
  } catch {
    return undefined
  }
}
