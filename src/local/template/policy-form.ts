import type { PolicyDocument } from '../../aws/permissions.ts'
import { refused } from './refused.ts'
import type { Filled } from './stack-file.ts'

type Json = Record<string, unknown>

/**
 * Refuses a policy that IAM would not take, by its resource. Throws TEMPLATE_NOT_RUNNABLE.
 * @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
 */
export function requirePolicy(
  stack: { file: string },
  { logicalId }: Pick<Filled, 'logicalId'>,
  document: unknown,
): PolicyDocument {
  const wrong = problemOf(document)
  if (wrong === undefined) return document as PolicyDocument
  throw refused(stack, logicalId, `its policy ${wrong}`, {
    why: 'IAM refuses such a policy when the stack is made.',
    fix: 'A statement has Effect, Action and Resource: { "Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "arn:…" }',
  })
}

function problemOf(document: unknown): string | undefined {
  if (!isObject(document)) return 'is no document'
  const { Version, Statement } = document
  if (Version !== undefined && Version !== '2012-10-17' && Version !== '2008-10-17')
    return `has the Version ${JSON.stringify(Version)}`
  if (Statement === undefined) return 'has no Statement'
  for (const [at, each] of [Statement].flat().entries()) {
    const wrong = isObject(each) ? statementProblem(each) : 'is no map'
    if (wrong !== undefined) return `has a mistake: statement ${at + 1} ${wrong}`
  }
  return undefined
}

function statementProblem(statement: Json): string | undefined {
  const { Effect, Action, NotAction, Resource, NotResource } = statement
  if (Effect !== 'Allow' && Effect !== 'Deny') return `has the Effect ${JSON.stringify(Effect) ?? 'none'}`
  const actions = Action ?? NotAction
  if (!isTexts(actions)) return 'has no Action'
  const action = [actions].flat().find((each) => each !== '*' && !/^[\w-]+:[\w*?]+$/.test(each))
  if (action !== undefined) return `has the Action ${action}, which is not SERVICE:ACTION`
  if (!isTexts(Resource ?? NotResource)) return 'has no Resource'
  return undefined
}

function isTexts(value: unknown): value is string | string[] {
  const all = [value].flat()
  return all.length > 0 && all.every((each) => typeof each === 'string')
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
