import { runtimeArnPattern, runtimeIdPattern, type RuntimeError } from '../../aws/agentcore-runtime.ts'
import type { ErrorCode } from '../../errors.ts'

/** What a request to the data plane asks for. */
export interface Operation {
  kind: 'invoke' | 'stop' | 'metadata'
  /** An ARN, or an id that goes with `accountId`. */
  runtime: string
  accountId?: string
  qualifier: string
}

export interface OperationRefusal {
  error: RuntimeError
  code: ErrorCode
  why: string
}

const metadataSuffix = '/.well-known/oauth-protected-resource'

/**
 * Reads path and query; undefined where the data plane has no such path.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/APIReference/API_InvokeAgentRuntime.html
 */
export function readOperation(target: string): Operation | undefined {
  const [path, query = ''] = target.split('?', 2) as [string, string?]
  const found = /^\/runtimes\/([^/]+)\/(invocations|stopruntimesession)(\/.*)?$/.exec(path)
  if (!found) return undefined
  const [, runtime, name, rest] = found as unknown as [string, string, string, string | undefined]
  if (rest !== undefined && (name !== 'invocations' || rest !== metadataSuffix)) return undefined
  const parameters = new URLSearchParams(query)
  const accountId = parameters.get('accountId')
  return {
    kind: rest ? 'metadata' : name === 'invocations' ? 'invoke' : 'stop',
    runtime: decoded(runtime),
    qualifier: parameters.get('qualifier') ?? 'DEFAULT',
    ...(accountId === null ? {} : { accountId }),
  }
}

/** Says what is wrong with the runtime that is named, by ARN or by id and account. */
export function checkRuntime(
  { runtime, accountId, qualifier }: Operation,
  here: { arn: string; accountId: string; hasEndpoint: (qualifier: string) => boolean },
): OperationRefusal | undefined {
  if (runtime.startsWith('arn:')) {
    if (!runtimeArnPattern.test(runtime)) return invalid(`${clean(runtime)} is not the ARN of a runtime.`)
    if (runtime !== here.arn) return missing(`There is no runtime ${clean(runtime)}; there is ${here.arn}.`)
  } else {
    if (!runtimeIdPattern.test(runtime)) return invalid(`${clean(runtime)} is neither an ARN nor the id of a runtime.`)
    if (!/^\d{12}$/.test(accountId ?? '')) return invalid('With an id in the path, accountId must be in the query.')
    if (accountId !== here.accountId || !here.arn.endsWith(`/${runtime}`))
      return missing(`There is no runtime ${clean(runtime)} in account ${accountId}; there is ${here.arn}.`)
  }
  return here.hasEndpoint(qualifier)
    ? undefined
    : missing(`The runtime has no endpoint ${clean(qualifier)}; it has DEFAULT.`)
}

/** Says what is wrong with the ids that a request names. Bounds: those of the service's model. */
export function checkSessionIds(mcpSession: string | null, session: string | null): OperationRefusal | undefined {
  if (mcpSession !== null && !isBetween(mcpSession, 1, 1024))
    return invalid(`Mcp-Session-Id has ${mcpSession.length} characters; it must have 1 to 1024.`)
  if (session !== null && !isBetween(session, 33, 256))
    return invalid(
      `X-Amzn-Bedrock-AgentCore-Runtime-Session-Id has ${session.length} characters; it must have 33 to 256.`,
    )
  return undefined
}

function isBetween(text: string, min: number, max: number): boolean {
  return text.length >= min && text.length <= max
}

export function invalid(why: string): OperationRefusal {
  return { error: 'ValidationException', code: 'RUNTIME_REQUEST_INVALID', why }
}

function missing(why: string): OperationRefusal {
  return { error: 'ResourceNotFoundException', code: 'RUNTIME_NOT_FOUND', why }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** What a client sent goes into a log line. */
function clean(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 160)
}
