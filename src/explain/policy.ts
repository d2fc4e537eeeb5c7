import type { Decision, PolicyStatement } from '../aws/permissions.ts'

export interface PolicyExplanation {
  /** Why no statement lets the caller in, the nearest one first. */
  why: string
  fix: string
  /** One line for each statement of the policy. */
  statements: string[]
  cause: 'no-statement' | 'caller-not-granted' | 'invoke-grant-missing' | 'url-grant-missing' | 'condition-not-met'
}

const urlActions = ['lambda:InvokeFunctionUrl', 'lambda:InvokeFunction'] as const

/** Explains a refusal by a resource policy: what was asked, and which part of each statement did not match. */
export function explainPolicy({ principal, action, resource, context, policy }: Decision): PolicyExplanation {
  const judged = policy.Statement.map((statement) => ({
    statement,
    misses: missesOf(statement, { principal, action, resource, context }),
  }))
  const statements = judged.map(
    ({ statement, misses }) =>
      `${statement.Sid}: ${misses.length === 0 ? 'matches' : misses.map(({ text }) => text).join('; ')}`,
  )
  const only = (part: Miss['part']) =>
    judged.find(({ misses }) => misses.length > 0 && misses.every((miss) => miss.part === part))
  const asked = `${principal} asked for ${action} on ${resource}`
  const condition = only('condition')
  if (condition)
    return {
      cause: 'condition-not-met',
      why: `${asked}. The statement ${condition.statement.Sid} would let it in, but its condition does not hold: ${condition.misses.map(({ text }) => text).join('; ')}.`,
      fix: 'Correct the condition: lambda:FunctionUrlAuthType is AWS_IAM for a URL guarded by IAM, lambda:InvokedViaFunctionUrl is true.',
      statements,
    }
  if (only('principal'))
    return {
      cause: 'caller-not-granted',
      why: `${asked}. The statements for it name other principals.`,
      fix: `Add ${principal} to \`callers\` in fairlead.config.ts.`,
      statements,
    }
  const other = urlActions.find((each) => each !== action)
  const hasOther = policy.Statement.some(
    (statement) => missesOf(statement, { principal, action: other!, resource, context: everyContext }).length === 0,
  )
  if ((urlActions as readonly string[]).includes(action) && hasOther)
    return {
      cause: action === 'lambda:InvokeFunction' ? 'invoke-grant-missing' : 'url-grant-missing',
      why: `${asked}. The policy allows ${other} alone; since October 2025 a function URL needs both actions.`,
      fix: `Grant both: aws lambda add-permission --action ${action} --principal … beside ${other}; fairlead’s own policy has both.`,
      statements,
    }
  return {
    cause: 'no-statement',
    why: `${asked}. No statement is for that action and resource.`,
    fix: `Add ${principal} to \`callers\` in fairlead.config.ts.`,
    statements,
  }
}

/** What a function URL fills in. */
const everyContext = { 'lambda:FunctionUrlAuthType': 'AWS_IAM', 'lambda:InvokedViaFunctionUrl': 'true' }

interface Miss {
  part: 'principal' | 'action' | 'resource' | 'condition'
  text: string
}

function missesOf(statement: PolicyStatement, asked: Omit<Decision, 'policy'>): Miss[] {
  const misses: Miss[] = []
  if (!statement.Principal.AWS.includes(asked.principal))
    misses.push({ part: 'principal', text: `it is for ${statement.Principal.AWS.join(', ')}` })
  if (statement.Action !== asked.action) misses.push({ part: 'action', text: `it allows ${statement.Action}` })
  if (![statement.Resource].flat().some((each) => wildcard(each, asked.resource)))
    misses.push({ part: 'resource', text: `it is on ${statement.Resource}` })
  for (const tests of Object.values(
    (statement as { Condition?: Record<string, Record<string, string>> }).Condition ?? {},
  ))
    for (const [key, value] of Object.entries(tests))
      if (asked.context[key] !== value)
        misses.push({ part: 'condition', text: `${key} must be ${value} and is ${asked.context[key] ?? 'not there'}` })
  return misses
}

function wildcard(pattern: string, value: string): boolean {
  return pattern === value || (pattern.endsWith('*') && value.startsWith(pattern.slice(0, -1)))
}
