import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { functionUrlPolicy } from '../aws/permissions.ts'
import { startScript } from '../build/for-aws.ts'
import type { FairleadConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { sealsRequests, type Deployment } from './deployment.ts'
import { webAdapterArn, webAdapterEnvironment } from './web-adapter.ts'

type Json = Record<string, unknown>

interface Resource {
  Type: string
  Condition?: string
  Metadata?: Json
  Properties: Json
}

export interface SamTemplate {
  dir: string
  template: Json & { Resources: Record<string, Resource> }
}

const codeFolder = 'server'
const ref = (name: string) => ({ Ref: name })
const arnOf = (name: string) => ({ 'Fn::GetAtt': [name, 'Arn'] })
const when = (condition: string, then: unknown) => ({ 'Fn::If': [condition, then, ref('AWS::NoValue')] })

/**
 * Writes the platform lambda as a template of AWS SAM, with the artifact beside it: `sam deploy` takes it as it is. Its
 * parameter AuthType says who checks callers: IAM, or with NONE the server itself by OAuth. The artifact must have been built
 * for OAuth. Throws CONFIG_INVALID.
 * @see https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
 */
export function writeSam({ project: { config }, artifacts: { server } }: Deployment, outDir: string): SamTemplate {
  const template = samTemplate(config, server!.dir)
  mkdirSync(outDir, { recursive: true })
  rmSync(join(outDir, codeFolder), { recursive: true, force: true })
  cpSync(server!.dir, join(outDir, codeFolder), { recursive: true })
  writeFileSync(
    join(outDir, 'template.yaml'),
    stringify(template, { version: '1.1', aliasDuplicateObjects: false, lineWidth: 120 }),
  )
  return { dir: outDir, template }
}

function samTemplate(config: FairleadConfig, artifactDir: string): SamTemplate['template'] {
  const lambda = config.platforms.lambda ?? {}
  // In Python nothing of ours runs, so nothing there could verify a token.
  const oauth = lambda.runtime === undefined
  const sealed = oauth && sealsRequests(artifactDir)
  return {
    AWSTemplateFormatVersion: '2010-09-09',
    Transform: 'AWS::Serverless-2016-10-31',
    Description: `The MCP server ${config.name} on Lambda, by fairlead`,
    Parameters: parameters(oauth),
    ...(oauth ? { Rules: rules } : {}),
    Conditions: {
      Iam: { 'Fn::Equals': [ref('AuthType'), 'AWS_IAM'] },
      ...(oauth
        ? {
            Oauth: { 'Fn::Equals': [ref('AuthType'), 'NONE'] },
            OriginKnown: { 'Fn::Not': [{ 'Fn::Equals': [ref('OriginSecretArn'), ''] }] },
          }
        : {}),
    },
    Resources: {
      Log: { Type: 'AWS::Logs::LogGroup', Properties: { RetentionInDays: 30 } },
      Role: role(config, { oauth, sealed }),
      Function: serverlessFunction(config, { oauth, sealed }),
      Url: {
        Type: 'AWS::Lambda::Url',
        Properties: {
          TargetFunctionArn: arnOf('Function'),
          AuthType: ref('AuthType'),
          InvokeMode: 'RESPONSE_STREAM',
        },
      },
      ...callers(config.callers ?? []),
      ...(oauth ? { ...openUrl, Proofs: proofs } : {}),
      ...(sealed
        ? {
            Secret: {
              Type: 'AWS::SecretsManager::Secret',
              Properties: { GenerateSecretString: { PasswordLength: 48, ExcludePunctuation: true } },
            },
          }
        : {}),
    },
    Outputs: {
      Url: { Value: { 'Fn::Sub': `\${Url.FunctionUrl}${pathOf(config)}` } },
      Auth: { Value: oauth ? { 'Fn::If': ['Iam', 'iam', 'oauth'] } : 'iam' },
      FunctionArn: { Value: arnOf('Function') },
      LogGroup: { Value: ref('Log') },
    },
  }
}

function pathOf({ server, platforms: { lambda } }: FairleadConfig): string {
  return (lambda?.runtime && server?.kind === 'http' ? (server.path ?? '/mcp') : '/mcp').slice(1)
}

function parameters(oauth: boolean): Json {
  const authType = {
    Type: 'String',
    Default: 'AWS_IAM',
    AllowedValues: oauth ? ['AWS_IAM', 'NONE'] : ['AWS_IAM'],
    Description: oauth ? 'AWS_IAM, or NONE: then the server itself verifies OAuth tokens' : 'IAM checks each caller',
  }
  if (!oauth) return { AuthType: authType }
  const text = (Description: string) => ({ Type: 'String', Default: '', Description })
  return {
    AuthType: authType,
    PublicUrl: text('With NONE: the URL that clients have, such as https://mcp.example.com/mcp'),
    Issuer: text('With NONE: whose tokens are taken, such as https://auth.example.com'),
    OriginSecretArn: text('With NONE, behind CloudFront: the secret whose value CloudFront adds as x-origin-verify'),
  }
}

/** A function URL that is open to all is never deployed without a guard. */
const rules = {
  OauthIsKnown: {
    RuleCondition: { 'Fn::Equals': [ref('AuthType'), 'NONE'] },
    Assertions: ['PublicUrl', 'Issuer'].map((name) => ({
      Assert: { 'Fn::Not': [{ 'Fn::Equals': [ref(name), ''] }] },
      AssertDescription: `With AuthType NONE the parameter ${name} is needed`,
    })),
  },
}

interface Features {
  oauth: boolean
  sealed: boolean
}

function role({ permissions = [] }: FairleadConfig, { oauth, sealed }: Features): Resource {
  const allow = (Action: unknown, Resource: unknown) => ({ Effect: 'Allow', Action, Resource })
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [{ Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' }],
      },
      Policies: [
        {
          PolicyName: 'server',
          PolicyDocument: {
            Version: '2012-10-17',
            Statement: [
              allow(['logs:CreateLogStream', 'logs:PutLogEvents'], arnOf('Log')),
              ...permissions.map(({ actions, resources }) => allow(actions, resources)),
              ...(sealed ? [allow('secretsmanager:GetSecretValue', ref('Secret'))] : []),
              ...(oauth
                ? [
                    when('Oauth', allow('dynamodb:UpdateItem', arnOf('Proofs'))),
                    when('OriginKnown', allow('secretsmanager:GetSecretValue', ref('OriginSecretArn'))),
                  ]
                : []),
            ],
          },
        },
      ],
    },
  }
}

function serverlessFunction(config: FairleadConfig, { oauth, sealed }: Features): Resource {
  const { runtime, memoryMb = 1024, timeoutS = 60, concurrency } = config.platforms.lambda ?? {}
  const port = config.server?.kind === 'http' ? config.server.port : undefined
  return {
    Type: 'AWS::Serverless::Function',
    // It is built: `sam build` would look for a package to install, and fail.
    Metadata: { SkipBuild: true },
    Properties: {
      CodeUri: `./${codeFolder}`,
      Description: `The MCP server ${config.name}`,
      Runtime: runtime ?? 'nodejs24.x',
      Handler: runtime ? startScript : 'index.handler',
      ...(runtime ? { Layers: [{ 'Fn::Sub': webAdapterArn('${AWS::Region}') }] } : {}),
      Architectures: ['arm64'],
      MemorySize: memoryMb,
      Timeout: timeoutS,
      ...(concurrency === undefined ? {} : { ReservedConcurrentExecutions: concurrency }),
      Role: arnOf('Role'),
      LoggingConfig: { LogGroup: ref('Log') },
      Environment: {
        Variables: runtime
          ? webAdapterEnvironment(port)
          : {
              FAIRLEAD_PLATFORM: 'lambda',
              ...(sealed ? { FAIRLEAD_SECRET_FROM: ref('Secret') } : {}),
              ...(oauth
                ? {
                    FAIRLEAD_OAUTH: when('Oauth', {
                      'Fn::Sub': '{"resource":"${PublicUrl}","issuer":"${Issuer}"}',
                    }),
                    FAIRLEAD_TABLE: when('Oauth', ref('Proofs')),
                    FAIRLEAD_ORIGIN_SECRET_FROM: when('OriginKnown', ref('OriginSecretArn')),
                  }
                : {}),
            },
      },
    },
  }
}

/** Both statements for each caller. */
function callers(arns: readonly string[]): Record<string, Resource> {
  const open = arns.find((arn) => arn === '*')
  if (open)
    throw new FairleadError('CONFIG_INVALID', '`callers` has *, which is everyone who has an AWS account', {
      fix: 'Name the ARN of each role or user.',
    })
  return Object.fromEntries(
    arns.flatMap((arn, at) =>
      functionUrlPolicy('', [arn]).Statement.map(({ Sid, Action, Condition }) => [
        `Caller${at}${Sid}`,
        permission('Iam', arn, Action, Condition && 'StringEquals' in Condition ? 'AWS_IAM' : undefined),
      ]),
    ),
  )
}

/** With OAuth whoever knows the URL reaches the server, which verifies the token. */
const openUrl = {
  OpenUrl: permission('Oauth', '*', 'lambda:InvokeFunctionUrl', 'NONE'),
  OpenInvoke: permission('Oauth', '*', 'lambda:InvokeFunction'),
}

function permission(Condition: string, Principal: string, Action: string, authType?: string): Resource {
  return {
    Type: 'AWS::Lambda::Permission',
    Condition,
    Properties: {
      FunctionName: arnOf('Function'),
      Action,
      Principal,
      ...(authType === undefined ? { InvokedViaFunctionUrl: true } : { FunctionUrlAuthType: authType }),
    },
  }
}

/** Where the function's environments remember used DPoP proofs. */
const proofs = {
  Type: 'AWS::DynamoDB::Table',
  Condition: 'Oauth',
  Properties: {
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    BillingMode: 'PAY_PER_REQUEST',
    TimeToLiveSpecification: { AttributeName: 'exp', Enabled: true },
  },
}
