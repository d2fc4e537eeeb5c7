import { refused } from './refused.ts'
import type { Filled, StackFile } from './stack-file.ts'

const authTypes = ['AWS_IAM', 'NONE']
const invokeModes = ['BUFFERED', 'RESPONSE_STREAM']

/** What Lambda takes. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25) */
const ranges = { MemorySize: [128, 10_240], Timeout: [1, 900] } as const

/** Refuses what Lambda refuses when it makes a function, its URL or a permission. Throws TEMPLATE_NOT_RUNNABLE. */
export function requireFunction(stack: StackFile, fn: Filled, url: Filled, permissions: readonly Filled[]): void {
  if (typeof fn.properties.Role !== 'string')
    throw refused(stack, fn.logicalId, 'It has no Role', { why: 'A function takes on a role, by its ARN.' })
  for (const name of ['Runtime', 'Handler'])
    if (typeof fn.properties[name] !== 'string' && fn.properties.PackageType !== 'Image')
      throw refused(stack, fn.logicalId, `It has no ${name}`, { why: 'A function that is a zip needs Runtime and Handler.' }) // prettier-ignore
  for (const [name, [least, most]] of Object.entries(ranges)) {
    const value = fn.properties[name]
    if (value === undefined || (Number.isInteger(Number(value)) && Number(value) >= least && Number(value) <= most))
      continue
    throw refused(stack, fn.logicalId, `${name} is ${JSON.stringify(value)}`, {
      why: `Lambda takes ${least} to ${most}.`,
      fix: `Write ${name} with a number of those.`,
    })
  }
  requireOneOf(stack, url, 'AuthType', authTypes)
  if (url.properties.InvokeMode !== undefined) requireOneOf(stack, url, 'InvokeMode', invokeModes)
  for (const each of permissions) requirePermission(stack, each)
}

function requireOneOf(
  stack: StackFile,
  { logicalId, properties }: Filled,
  name: string,
  taken: readonly string[],
): void {
  const value = properties[name]
  if (taken.includes(String(value))) return
  throw refused(stack, logicalId, value === undefined ? `It has no ${name}` : `${name} is ${JSON.stringify(value)}`, {
    why: `A function URL takes ${taken.join(' or ')}.`,
    fix: `Write ${name}: ${taken.join(', or ')}.`,
  })
}

/** @see https://docs.aws.amazon.com/lambda/latest/api/API_AddPermission.html (read 2026-11-25) */
function requirePermission(stack: StackFile, { logicalId, properties }: Filled): void {
  const absent = ['Action', 'Principal'].find((name) => typeof properties[name] !== 'string')
  if (absent !== undefined)
    throw refused(stack, logicalId, `It has no ${absent}`, { why: 'A permission says who may do what.' })
  const { Action, FunctionUrlAuthType, InvokedViaFunctionUrl } = properties
  const wrong =
    FunctionUrlAuthType !== undefined && Action !== 'lambda:InvokeFunctionUrl'
      ? ['FunctionUrlAuthType', 'lambda:InvokeFunctionUrl']
      : InvokedViaFunctionUrl !== undefined && Action !== 'lambda:InvokeFunction'
        ? ['InvokedViaFunctionUrl', 'lambda:InvokeFunction']
        : undefined
  if (wrong)
    throw refused(stack, logicalId, `${wrong[0]} is for ${wrong[1]} alone, and Action is ${String(Action)}`, {
      why: 'Lambda refuses such a permission.',
      fix: `A caller needs two permissions: lambda:InvokeFunctionUrl with FunctionUrlAuthType, and lambda:InvokeFunction with InvokedViaFunctionUrl: true.`,
    })
}

/** The variables of a function, as text. Throws TEMPLATE_NOT_RUNNABLE. */
export function variablesOf(stack: StackFile, { logicalId, properties }: Filled): Record<string, string> {
  const { Variables } = (properties.Environment ?? {}) as { Variables?: Record<string, unknown> }
  return Object.fromEntries(
    Object.entries(Variables ?? {}).map(([name, value]) => {
      if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')
        return [name, String(value)]
      throw refused(stack, logicalId, `The variable ${name} is not text`, { fix: `Write ${name} as one text.` })
    }),
  )
}
