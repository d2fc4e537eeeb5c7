import { createHash } from 'node:crypto'
import type { LambdaTool, TargetDefinition } from '../definitions/types.ts'
import { separator, TargetFailure, type Target, type ToolCall, type ToolResult } from '../tool.ts'
import { propagated } from './propagation.ts'

/** Runs a function: the local Lambda, or AWS. */
export type InvokeFunction = (invocation: {
  arn: string
  payload: Buffer
  /** Base64 of JSON, as X-Amz-Client-Context has it. */
  clientContext: string
  requestId: string
  signal: AbortSignal
}) => Promise<{ payload: Buffer; functionError?: string }>

export interface LambdaTargetOptions {
  definition: TargetDefinition
  tools: readonly LambdaTool[]
  invoke: InvokeFunction
  gatewayId: string
}

/**
 * Makes a target of a Lambda function that knows nothing of MCP: its event is the bare arguments, and what is said beside
 * them is in `context.clientContext.custom`.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-add-target-lambda.html (read 2026-11-22)
 */
export function lambdaTarget({ definition, tools, invoke, gatewayId }: LambdaTargetOptions): Target {
  const { name, metadataConfiguration = {} } = definition
  const arn = definition.targetConfiguration.mcp.lambda!.lambdaArn
  const targetId = idOf(`${gatewayId}/${name}`)
  const byName = new Map(tools.map((tool) => [tool.name, tool]))
  return {
    name,
    ...(definition.description ? { description: definition.description } : {}),
    version: 0,
    tools: async () => tools,
    synchronize: async () => {},
    check: (tool, args, checker) => {
      const found = byName.get(tool)
      return found ? checker.check(found, args) : []
    },
    call: async (call) => {
      const tool = byName.get(call.tool)
      if (!tool) return undefined
      const clientContext = Buffer.from(JSON.stringify({ custom: contextOf(call) })).toString('base64')
      const payload = Buffer.from(JSON.stringify(call.args))
      const { requestId, signal } = call
      const answer = await invoke({ arn, payload, clientContext, requestId, signal })
      if (answer.functionError !== undefined) throw new TargetFailure('LambdaException', saidBy(answer.payload))
      return resultOf(answer.payload.toString('utf8'), tool)
    },
    close: async () => {},
  }

  function contextOf(call: ToolCall): Record<string, unknown> {
    const { headers, query } = propagated(metadataConfiguration, call)
    return {
      bedrockAgentCoreMessageVersion: '1.0',
      bedrockAgentCoreAwsRequestId: call.requestId,
      bedrockAgentCoreMcpMessageId: String(call.messageId),
      bedrockAgentCoreGatewayId: gatewayId,
      bedrockAgentCoreTargetId: targetId,
      bedrockAgentCoreToolName: name + separator + call.tool,
      ...(Object.keys(headers).length > 0 ? { bedrockAgentCorePropagatedHeaders: headers } : {}),
      ...(query.length > 0 ? { bedrockAgentCorePropagatedQueryParameters: Object.fromEntries(query) } : {}),
    }
  }
}

/** The payload is passed on as it is; an object is also the structured result, where the tool promises one. */
function resultOf(text: string, tool: LambdaTool): ToolResult {
  const result: ToolResult = { isError: false, content: [{ type: 'text', text }] }
  if (!tool.outputSchema) return result
  try {
    const value = JSON.parse(text) as unknown
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) result.structuredContent = value
  } catch {
    // It is no JSON: the text is all there is.
  }
  return result
}

function saidBy(payload: Buffer): string {
  try {
    const { errorType, errorMessage } = JSON.parse(payload.toString('utf8')) as {
      errorType?: unknown
      errorMessage?: unknown
    }
    return `the function failed: ${[errorType, errorMessage].filter((each) => typeof each === 'string').join(': ')}`
  } catch {
    return 'the function failed'
  }
}

/** Ten letters and digits, the same for the same thing. */
export function idOf(text: string): string {
  return BigInt(`0x${createHash('sha256').update(text).digest('hex').slice(0, 16)}`)
    .toString(36)
    .padStart(10, '0')
    .slice(-10)
}

export function gatewayIdOf(name: string): string {
  return `${name.toLowerCase()}-${idOf(name)}`
}
