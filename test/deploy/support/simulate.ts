import { runSimulation } from '@cloud-copilot/iam-simulate'
import { resolver, type Template } from '../../../src/local/template/resolve.ts'

export const account = '111122223333'
export const region = 'us-east-1'

export interface Statement {
  Effect: string
  Principal?: unknown
  Action: string | string[]
  Resource: string | string[]
  Condition?: unknown
}

interface Policy {
  Statement: Statement[]
}

/** A stack's template with everything filled in, and what its policies say. */
export interface Filled {
  name: string
  resources: Record<string, { Type: string; Properties: Record<string, unknown> }>
  outputs: Record<string, string>
}

export function fill(name: string, template: Template): Filled {
  const resolve = resolver(template, { account, region, stack: name })
  return {
    name,
    resources: Object.fromEntries(
      Object.entries(template.Resources).map(([id, { Type, Properties = {} }]) => [
        id,
        { Type, Properties: resolve(Properties) as Record<string, unknown> },
      ]),
    ),
    outputs: Object.fromEntries(
      Object.entries(template.Outputs ?? {}).map(([key, { Value }]) => [key, String(resolve(Value))]),
    ),
  }
}

export function ofType(stack: Filled, type: string): { id: string; properties: Record<string, unknown> }[] {
  return Object.entries(stack.resources)
    .filter(([, { Type }]) => Type === type)
    .map(([id, { Properties }]) => ({ id, properties: Properties }))
}

/** Everything that a role of the stack may do: its own policies and those that are attached to it. */
export function policiesOf(stack: Filled, roleArn: string): Policy[] {
  const name = roleArn.split('/').at(-1)!
  const role = ofType(stack, 'AWS::IAM::Role').find(({ id }) => `${stack.name}-${id}` === name)
  if (!role) throw new Error(`${stack.name} has no role ${roleArn}`)
  const inline = ((role.properties.Policies ?? []) as { PolicyDocument: Policy }[]).map((each) => each.PolicyDocument)
  const attached = ofType(stack, 'AWS::IAM::Policy')
    .filter(({ properties }) => (properties.Roles as string[]).includes(name))
    .map(({ properties }) => properties.PolicyDocument as Policy)
  if ((role.properties.ManagedPolicyArns as unknown[] | undefined)?.length)
    throw new Error(`${roleArn} has managed policies`)
  return [...inline, ...attached]
}

export interface Question {
  principal: string
  action: string
  resource: string
  context?: Record<string, string | string[]>
  identity?: Policy[]
  resourcePolicy?: Policy
}

/** Decides as IAM would. */
export async function isAllowed(question: Question): Promise<boolean> {
  const { principal, action, resource, context = {}, identity = [], resourcePolicy } = question
  const result = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
      identityPolicies: identity.map((policy, at) => ({ name: `policy-${at}`, policy: withVersion(policy) })),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      ...(resourcePolicy ? { resourcePolicy: withVersion(resourcePolicy) } : {}),
    },
    {},
  )
  if (result.resultType === 'error') throw new Error(`${action} on ${resource}: ${JSON.stringify(result.errors)}`)
  return result.overallResult === 'Allowed'
}

function withVersion(policy: Policy): Policy & { Version: string } {
  return { Version: '2012-10-17', ...policy }
}

/** The statements that CloudFormation puts on a function for its permissions. */
export function functionPolicy(stack: Filled, functionArn: string): Policy {
  const statements = ofType(stack, 'AWS::Lambda::Permission')
    .filter(({ properties }) => [functionArn, functionArn.split(':').at(-1)].includes(String(properties.FunctionName)))
    .map(({ properties }): Statement => {
      const { Action, Principal, FunctionUrlAuthType, InvokedViaFunctionUrl, SourceArn } = properties as Record<
        string,
        string | boolean | undefined
      >
      const condition = {
        ...(FunctionUrlAuthType ? { StringEquals: { 'lambda:FunctionUrlAuthType': FunctionUrlAuthType } } : {}),
        ...(InvokedViaFunctionUrl === undefined
          ? {}
          : { Bool: { 'lambda:InvokedViaFunctionUrl': String(InvokedViaFunctionUrl) } }),
        ...(SourceArn ? { ArnLike: { 'aws:SourceArn': SourceArn } } : {}),
      }
      const principal = String(Principal)
      return {
        Effect: 'Allow',
        Principal: principal === '*' ? '*' : principal.startsWith('arn:') ? { AWS: principal } : { Service: principal },
        Action: String(Action),
        Resource: functionArn,
        ...(Object.keys(condition).length > 0 ? { Condition: condition } : {}),
      }
    })
  return { Statement: statements }
}
