import { FairleadError } from '../errors.ts'
import { awsJson } from './aws-json.ts'

/** Where a setting is kept: the parts of its ARN that a request needs. */
interface Kept {
  arn: string
  partition: string
  service: 'secretsmanager' | 'ssm'
  region: string
  /** Of a parameter, with its slash. */
  path: string
}

const suffix = '_FROM'
const maxPages = 10

/**
 * Resolves what the environment only points at: `NAME_FROM`, with the ARN of a Secrets Manager secret or an SSM parameter,
 * becomes NAME. So no secret stands in a template or in the settings of a function. Other variables that end in `_FROM` are
 * left alone, unless they are fairlead's own. Throws SETTING_INVALID and SETTING_UNREADABLE, which name the variable and the
 * ARN, and never a value.
 * @see https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
 * @see https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameter.html
 */
export async function resolveSettings(env: NodeJS.ProcessEnv): Promise<void> {
  const found = Object.entries(env).flatMap(([variable, arn = '']) => {
    if (!variable.endsWith(suffix) || variable === suffix) return []
    const kept = parseArn(arn)
    // A path is a list that grows: it is read when somebody asks.
    if (kept) return kept.path.endsWith('/') ? [] : [{ variable, name: variable.slice(0, -suffix.length), kept }]
    if (!variable.startsWith('FAIRLEAD_')) return []
    throw new FairleadError('SETTING_INVALID', `${variable} is not the ARN of a secret or of a parameter`)
  })
  for (const { variable, name } of found)
    if (env[name] !== undefined) throw new FairleadError('SETTING_INVALID', `Both ${name} and ${variable} are set`)
  await Promise.all(
    found.map(async ({ variable, name, kept }) => {
      env[name] = await reported(variable, kept, () => valueOf(kept, env))
      delete env[variable]
    }),
  )
}

/** Reads the values of all parameters under the path that a variable names by an ARN with a slash at its end. */
export async function parametersUnder(env: NodeJS.ProcessEnv, variable: string): Promise<string[]> {
  const kept = parseArn(env[variable] ?? '')
  if (kept?.service !== 'ssm' || !kept.path.endsWith('/'))
    throw new FairleadError(
      'SETTING_INVALID',
      `${variable} is not the ARN of a path of parameters, with a slash at its end`,
    )
  return reported(variable, kept, async () => {
    const values: string[] = []
    let next: { NextToken?: string } = {}
    for (let page = 0; page < maxPages; page++) {
      const body = { Path: kept.path.slice(0, -1), WithDecryption: true, ...next }
      const answer = await awsJson({ ...kept, operation: 'GetParametersByPath', body }, env)
      const { Parameters, NextToken } = answer as { Parameters: { Value: string }[]; NextToken?: string }
      values.push(...Parameters.map(({ Value }) => Value))
      if (!NextToken) break
      next = { NextToken }
    }
    return values
  })
}

function parseArn(arn: string): Kept | undefined {
  const [, partition = '', service, region = '', resource = ''] =
    /^arn:(aws[a-z-]*):(secretsmanager|ssm):([a-z0-9-]+):\d{12}:(\S+)$/.exec(arn) ?? []
  if (service === 'secretsmanager' && resource.startsWith('secret:'))
    return { arn, partition, service, region, path: '' }
  if (service === 'ssm' && resource.startsWith('parameter/'))
    return { arn, partition, service, region, path: resource.slice('parameter'.length) }
  return undefined
}

async function valueOf(kept: Kept, env: NodeJS.ProcessEnv): Promise<string> {
  const { arn, service } = kept
  const answer =
    service === 'secretsmanager'
      ? await awsJson({ ...kept, operation: 'GetSecretValue', body: { SecretId: arn } }, env)
      : await awsJson({ ...kept, operation: 'GetParameter', body: { Name: arn, WithDecryption: true } }, env)
  const { SecretString, Parameter } = answer as { SecretString?: unknown; Parameter?: { Value?: unknown } }
  const value = SecretString ?? Parameter?.Value
  if (typeof value !== 'string' || value === '') throw new Error('it has no text')
  return value
}

async function reported<T>(variable: string, { arn }: Kept, read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new FairleadError('SETTING_UNREADABLE', `${variable} names ${arn}, which cannot be read: ${why}`, {
      cause: error,
    })
  }
}
