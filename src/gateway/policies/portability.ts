import type { Bindings } from '../bindings.ts'
import type { TargetDefinition } from '../definitions/types.ts'
import { outboundAuth } from '../outbound/credentials.ts'
import type { Finding } from '../portability.ts'
import { documentOf, loader, staticTools, toolsOf } from '../sources.ts'
import { openApiTarget } from '../targets/openapi.ts'
import type { McpSide, Tool } from '../tool.ts'
import { loadCedar, type Cedar } from './cedar.ts'
import { isForEveryTool } from './statements.ts'
import type { Policy } from './policy.ts'
import { findingsOf, knownTools, type PolicyFinding } from './validate.ts'

/** Lists what a policy engine of AgentCore would refuse of policies, as far as it is known without asking any server for its tools. */
export async function policyPortability(
  policies: readonly Policy[],
  definitions: readonly TargetDefinition[],
  bindings: Bindings,
): Promise<Finding[]> {
  const wrong = await offlineFindings(policies, definitions, bindings)
  return [...wrong, ...tooWide(loadCedar(), policies)].map(({ where, problem }) => ({
    target: '',
    where,
    problem,
    refused: true,
  }))
}

/** What is wrong with policies, as far as it is known without asking any server for its tools. */
export async function offlineFindings(
  policies: readonly Policy[],
  definitions: readonly TargetDefinition[],
  bindings: Bindings,
): Promise<PolicyFinding[]> {
  const known = await knownTools(definitions.map((definition) => offline(definition, bindings)))
  return findingsOf(loadCedar(), policies, known)
}

/**
 * Policies that permit everything to whoever calls, which the service finds overly permissive.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/policy-validation-overview.html (read 2026-11-25)
 */
export function tooWide(cedar: Cedar, policies: readonly Policy[]): { where: string; problem: string }[] {
  return policies.flatMap(({ statement, where, name }) => {
    const parsed = cedar.policyToJson(statement)
    if (parsed.type === 'failure') return []
    const { effect, conditions, resource } = parsed.json
    const narrow = effect === 'forbid' || conditions.length > 0 || resource.op === '=='
    if (narrow || !isForEveryTool(parsed.json)) return []
    return [{ where: where ?? name, problem: 'permits every tool of every gateway, which is overly permissive' }]
  })
}

interface Offline {
  name: string
  tools(): Promise<readonly Tool[]>
  mcp?: McpSide
}

const none = { apiKey: () => undefined, oauthClient: () => undefined }
const nobody = async () => ({ accessKeyId: '', secretAccessKey: '' })

function offline(definition: TargetDefinition, bindings: Bindings): Offline {
  const { name } = definition
  const { lambda, mcpServer, openApiSchema } = definition.targetConfiguration.mcp
  if (lambda) return { name, tools: async () => toolsOf(lambda.toolSchema, bindings) }
  if (mcpServer) {
    const { mcpToolSchema } = mcpServer
    if (mcpToolSchema) return { name, tools: async () => staticTools(mcpToolSchema, bindings, name) }
    return { name, tools: async () => [], mcp: unasked }
  }
  return {
    name,
    tools: async () => {
      const { text, address } = await documentOf(openApiSchema!, bindings)
      const auth = outboundAuth(undefined, { ...none, roleCredentials: nobody, region: '' })
      const read = loader(address, () => undefined)
      const load = async (ref: string) => {
        if (!ref.startsWith('file:')) throw new Error('it is no file')
        return read(ref)
      }
      const target = await openApiTarget({ definition, document: text, address, load, auth, serverUrl: 'https://example.com' }) // prettier-ignore
      const tools = await target.tools()
      await target.close()
      return tools
    },
  }
}

/** A server whose tools are not known before it is asked. */
const unasked: McpSide = { resourcePriority: 0, request: async () => ({}), list: async () => [] }
