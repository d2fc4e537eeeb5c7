import { FairleadError } from '../errors.ts'
import type { Bindings } from './bindings.ts'
import type { ChangeKind } from './changes.ts'
import type { TargetDefinition } from './definitions/types.ts'
import { outboundAuth, type Secrets } from './outbound/credentials.ts'
import { portability } from './portability.ts'
import { documentOf, loader, staticTools, toolsOf } from './sources.ts'
import { lambdaTarget, type InvokeFunction } from './targets/lambda.ts'
import { mcpServerTarget } from './targets/mcp-server.ts'
import { openApiTarget } from './targets/openapi.ts'
import type { Target } from './tool.ts'

export interface LoadOptions {
  bindings: Bindings
  secrets: Secrets
  invoke: InvokeFunction
  gatewayId: string
  /** Where an origin really is. */
  locate: (origin: string) => string | undefined
  warn?: (warning: string) => void
  /** As the managed service: what it would refuse is refused. */
  managed?: boolean
  /** Told when a list of an MCP server is another than before; such servers are followed then. */
  changed?: (kind: ChangeKind) => void
}

/** Makes the target that a definition describes. Throws GATEWAY_BINDING, GATEWAY_DOCUMENT, GATEWAY_NOT_PORTABLE and those of reading definitions. */
export async function loadTarget(definition: TargetDefinition, options: LoadOptions): Promise<Target> {
  const { bindings, secrets, invoke, gatewayId, locate, warn = () => {} } = options
  const { mcp } = definition.targetConfiguration
  const auth = outboundAuth(definition.credentialProviderConfigurations?.[0], secrets)
  const common = { definition, auth, locate, warn }
  if (options.managed) await refuseWide(definition, bindings)
  if (mcp.lambda)
    return lambdaTarget({ definition, tools: toolsOf(mcp.lambda.toolSchema, bindings), invoke, gatewayId })
  if (mcp.mcpServer) {
    const { mcpToolSchema } = mcp.mcpServer
    return mcpServerTarget({
      ...common,
      ...(options.changed ? { changed: options.changed } : {}),
      ...(options.managed ? { managed: true } : {}),
      ...(mcpToolSchema ? { staticTools: staticTools(mcpToolSchema, bindings, definition.name) } : {}),
    })
  }
  const { text, address } = await documentOf(mcp.openApiSchema!, bindings)
  const serverUrl = bindings.servers?.[definition.name]
  return openApiTarget({
    ...common,
    document: text,
    address,
    load: loader(address, locate),
    ...(serverUrl ? { serverUrl } : {}),
  })
}

async function refuseWide(definition: TargetDefinition, bindings: Bindings): Promise<void> {
  const [first] = (await portability(definition, bindings)).filter(({ refused }) => refused)
  if (first) throw new FairleadError('GATEWAY_NOT_PORTABLE', `${definition.name}: ${first.where} ${first.problem}`)
}
