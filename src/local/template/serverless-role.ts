import { refused } from './refused.ts'

type Json = Record<string, unknown>

/**
 * SAM's policy templates that let a function read a setting (`NAME_FROM`). What the others allow is not asked here.
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-policy-template-list.html (samtranslator 1.115.0, read 2026-11-25)
 */
const reading: Record<string, (given: Json) => Json[]> = {
  AWSSecretsManagerGetSecretValuePolicy: ({ SecretArn }) => [allow(['secretsmanager:GetSecretValue'], SecretArn)],
  SSMParameterReadPolicy: ({ ParameterName }) => parameter('/${name}', ParameterName),
  SSMParameterWithSlashPrefixReadPolicy: ({ ParameterName }) => parameter('${name}', ParameterName),
}

function parameter(path: string, name: unknown): Json[] {
  const arn = `arn:\${AWS::Partition}:ssm:\${AWS::Region}:\${AWS::AccountId}:parameter${path}`
  return [
    allow(['ssm:DescribeParameters'], '*'),
    allow(['ssm:GetParameters', 'ssm:GetParameter', 'ssm:GetParametersByPath'], { 'Fn::Sub': [arn, { name }] }),
  ]
}

function allow(Action: string[], Resource: unknown): Json {
  return { Action, Effect: 'Allow', Resource }
}

/** The role that SAM makes for a function without one, of its Policies: documents, policy templates, and names of managed ones. */
export function serverlessRole({ Policies = [] }: Json, { file, id }: { file: string; id: string }): Json {
  const managed: unknown[] = ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']
  const inline = [Policies].flat().flatMap((each: unknown, at) => {
    if (typeof each === 'string' || isIntrinsic(each)) {
      managed.push(each)
      return []
    }
    if (!isObject(each)) throw refused({ file }, id, `Policies has ${JSON.stringify(each)}, which is no policy`)
    const document = 'Statement' in each ? each : fromTemplate(each)
    return document ? [{ PolicyName: `${id}RolePolicy${at}`, PolicyDocument: document }] : []
  })
  return {
    AssumeRolePolicyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: ['sts:AssumeRole'], Effect: 'Allow', Principal: { Service: ['lambda.amazonaws.com'] } }],
    },
    ManagedPolicyArns: managed,
    Policies: inline,
  }
}

function fromTemplate(given: Json): Json | undefined {
  const [name = '', values] = Object.entries(given)[0] ?? []
  const statements = reading[name]?.((values ?? {}) as Json)
  return statements && { Statement: statements }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isIntrinsic(value: unknown): boolean {
  return isObject(value) && /^(Ref|Fn::.*)$/.test(Object.keys(value)[0] ?? '')
}
