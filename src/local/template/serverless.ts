import { nearest } from '../../nearest.ts'
import { refused } from './refused.ts'
import type { Resource, Template } from './resolve.ts'
import { serverlessRole } from './serverless-role.ts'

type Json = Record<string, unknown>

/** A template as AWS SAM takes it: CloudFormation's, and its own types, which the Transform makes into CloudFormation's. */
interface ServerlessTemplate extends Template {
  Transform?: unknown
  Globals?: { Function?: Json }
}

const transform = 'AWS::Serverless-2016-10-31'
const functionType = 'AWS::Serverless::Function'

/** Properties that are the function's in CloudFormation too. */
const passed =
  'FunctionName Handler Runtime PackageType Description MemorySize Timeout VpcConfig Environment KmsKeyArn ReservedConcurrentExecutions Layers EphemeralStorage FileSystemConfigs ImageConfig CodeSigningConfigArn Architectures SnapStart RuntimeManagementConfig LoggingConfig RecursiveLoop TenancyConfig Role'.split(
    ' ',
  )
/** Properties that become something else, or that say how SAM deploys. */
const own =
  'CodeUri InlineCode ImageUri FunctionUrlConfig Policies RolePath PermissionsBoundary AssumeRolePolicyDocument Events Tags PropagateTags Tracing DeadLetterQueue EventInvokeConfig DeploymentPreference AutoPublishAlias AutoPublishCodeSha256 AutoPublishAliasAllProperties VersionDescription ProvisionedConcurrencyConfig SourceKMSKeyArn CapacityProviderConfig FunctionScalingConfig VersionDeletionPolicy PublishToLatestPublished DurableConfig'.split(
    ' ',
  )

/**
 * Makes of a template of AWS SAM the CloudFormation that SAM makes of it on AWS, as far as functions and their URLs go. Code
 * that is on this machine stays a path. Any other template is given back as it is. Throws TEMPLATE_NOT_RUNNABLE.
 * @see https://github.com/aws/serverless-application-model (samtranslator 1.115.0, read 2026-11-25)
 */
export function withoutServerless(template: ServerlessTemplate, file: string): Template {
  const transforms = [template.Transform ?? []].flat()
  const [id, serverless] =
    Object.entries(template.Resources).find(([, { Type }]) => Type.startsWith('AWS::Serverless::')) ?? []
  if (serverless && !transforms.includes(transform))
    throw refused({ file }, id!, `CloudFormation has no type ${serverless.Type}`, {
      why: 'The types of AWS SAM are there with its Transform alone.',
      fix: `Write at the top of the template: Transform: ${transform}`,
    })
  const other = transforms.find((name) => name !== transform)
  if (other !== undefined)
    throw refused({ file }, 'Transform', `${JSON.stringify(other)} is not a transform that is known here`, {
      why: 'A transform changes the template on AWS, so what it deploys is not known here.',
      fix: 'Give the template that it makes, or one without it.',
    })
  if (!serverless) return template
  const all = Object.entries(template.Resources).flatMap(([name, resource]) =>
    resource.Type === functionType
      ? functionParts(name, resource, template.Globals?.Function ?? {}, file)
      : [[name, resource] as const],
  )
  return { ...template, Resources: Object.fromEntries(all) }
}

function functionParts(
  id: string,
  { Condition, Properties = {} }: Resource,
  globals: Json,
  file: string,
): [string, Resource][] {
  const given = merged(globals, Properties) as Json
  const why = 'SAM refuses a template with a property that it does not know.'
  requireKnown(given, [...passed, ...own], { file, id, what: 'AWS SAM', why })
  const when = Condition === undefined ? {} : { Condition }
  const made = (name: string, Type: string, properties: Json): [string, Resource] => [
    id + name,
    { Type, ...when, Properties: properties },
  ]
  const role = given.Role === undefined ? serverlessRole(given, { file, id }) : undefined
  const properties = {
    ...Object.fromEntries(Object.entries(given).filter(([name]) => passed.includes(name))),
    Code: codeOf(given, id, file),
    ...(role ? { Role: { 'Fn::GetAtt': [`${id}Role`, 'Arn'] } } : {}),
  }
  return [
    made('', 'AWS::Lambda::Function', properties),
    ...(role ? [made('Role', 'AWS::IAM::Role', role)] : []),
    ...urlParts(given, id, file).map(([name, type, parts]) => made(name, type, parts)),
    ...implicitApis(given.Events),
  ]
}

function requireKnown(
  given: Json,
  known: readonly string[],
  { file, id, what, why }: { file: string; id: string; what: string; why: string },
): void {
  const name = Object.keys(given).find((each) => !known.includes(each))
  if (name === undefined) return
  const meant = nearest(name, known)
  const fix = meant ? `Write ${meant}.` : `Remove ${name}.`
  throw refused({ file }, id, `${what} has no property ${name}${meant ? `; did you mean ${meant}?` : ''}`, { why, fix })
}

/** A path stays a path: `sam deploy` uploads what is there, and here it runs. */
function codeOf({ CodeUri, InlineCode, ImageUri, PackageType }: Json, id: string, file: string): unknown {
  if (PackageType === 'Image') return { ImageUri }
  if (InlineCode !== undefined) return { ZipFile: InlineCode }
  if (CodeUri === undefined) throw refused({ file }, id, 'It has neither CodeUri nor InlineCode', { fix: 'CodeUri: ./server' }) // prettier-ignore
  if (isPlain(CodeUri)) return { S3Bucket: CodeUri.Bucket, S3Key: CodeUri.Key }
  const [, S3Bucket, S3Key] = (typeof CodeUri === 'string' && /^s3:\/\/([^/]+)\/(.+)$/.exec(CodeUri)) || []
  return S3Bucket === undefined ? CodeUri : { S3Bucket, S3Key }
}

/** SAM lets everyone in where the auth type is NONE, by the two statements that a URL needs; with a parameter it adds none. */
function urlParts(given: Json, id: string, file: string): [name: string, type: string, properties: Json][] {
  const config = given.FunctionUrlConfig as Json | undefined
  if (!config) return []
  const why = 'SAM leaves out what it does not know there, and says nothing.'
  requireKnown(config, ['AuthType', 'InvokeMode', 'Cors'], { file, id, what: 'FunctionUrlConfig', why })
  if (given.AutoPublishAlias !== undefined)
    throw refused({ file }, id, 'The function URL of an alias is not run here', {
      why: 'With AutoPublishAlias the URL and its permissions are those of the alias.',
      fix: 'Remove AutoPublishAlias, at least in the copy of the template that is run here.',
    })
  const name = { Ref: id }
  const { AuthType, InvokeMode } = config
  const open = { FunctionName: name, Principal: '*' }
  const permission = 'AWS::Lambda::Permission'
  return [
    ['Url', 'AWS::Lambda::Url', { TargetFunctionArn: name, AuthType, InvokeMode }],
    ...(AuthType === 'NONE'
      ? ([
          ['UrlPublicPermissions', permission, { ...open, Action: 'lambda:InvokeFunctionUrl', FunctionUrlAuthType: AuthType }], // prettier-ignore
          ['URLInvokeAllowPublicAccess', permission, { ...open, Action: 'lambda:InvokeFunction', InvokedViaFunctionUrl: true }], // prettier-ignore
        ] as [string, string, Json][])
      : []),
  ]
}

/** What an event without an API of its own belongs to: outputs name it. */
function implicitApis(events: unknown): [string, Resource][] {
  const types = Object.values((events ?? {}) as Record<string, { Type?: string }>).map(({ Type }) => Type)
  return [
    ...(types.includes('Api') ? [['ServerlessRestApi', { Type: 'AWS::ApiGateway::RestApi' }] as [string, Resource]] : []), // prettier-ignore
    ...(types.includes('HttpApi') ? [['ServerlessHttpApi', { Type: 'AWS::ApiGatewayV2::Api' }] as [string, Resource]] : []), // prettier-ignore
  ]
}

/** Globals: objects are joined, lists follow one another, and else what the resource says stands. */
function merged(base: unknown, over: unknown, name = ''): unknown {
  if (Array.isArray(base) && Array.isArray(over)) return name === 'Architectures' ? over : [...base, ...over]
  if (!isPlain(base) || !isPlain(over)) return over
  const names = [...new Set([...Object.keys(base), ...Object.keys(over)])]
  return Object.fromEntries(
    names.map((key) => [key, key in base && key in over ? merged(base[key], over[key], key) : (over[key] ?? base[key])]), // prettier-ignore
  )
}

/** An intrinsic function is one value. */
function isPlain(value: unknown): value is Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const names = Object.keys(value)
  return names.length !== 1 || !/^(Ref|Fn::.*)$/.test(names[0]!)
}
