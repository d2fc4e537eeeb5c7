import { beforeAll, describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../../src/config.ts'
import { tableShape } from '../../src/state/dynamodb.ts'
import { resources, stacksOf, type StacksOf } from './support/stacks-of.ts'

const config: FairleadConfig = {
  name: 'sample',
  server: { kind: 'module', entry: './server.ts' },
  scopes: {
    read: { description: 'Read', groups: ['analysts', 'operators'] },
    write: { description: 'Write', groups: ['operators'] },
  },
  oauth: { clients: [{ id: 'machine', secretEnv: 'MACHINE_SECRET' }] },
  platforms: { lambda: { auth: 'oauth' } },
}

describe('the stack of the authorization service', () => {
  let made: StacksOf
  const all = (type: string) => resources(made.templates.authorization, type)
  const only = (type: string) => {
    const found = all(type)
    expect(found).toHaveLength(1)
    return found[0]!
  }
  const text = () => JSON.stringify(made.templates.authorization)
  beforeAll(async () => (made = await stacksOf(config)))

  it('has nothing that cdk-nag finds and nobody gave a reason for', () => {
    expect(made.findings).toEqual([])
  })

  it('keeps the secret and the id of a client where it is, when one that stands before it goes', async () => {
    for (const verifier of ['authorization-service', 'cognito'] as const) {
      const idsOf = async (name: string) => {
        const clients = [{ id: name, secretEnv: `${name.toUpperCase()}_SECRET` }]
        const { templates } = await stacksOf({ ...config, oauth: { verifier, clients } })
        return Object.entries(templates.authorization!.Resources).filter(([id]) => /ClientSecret|AppClients|SignInClient/.test(id)).map(([id]) => id) // prettier-ignore
      }
      const [first, second] = [await idsOf('first'), await idsOf('second')]
      expect(first.length).toBeGreaterThan(0)
      expect(first.filter((id) => second.includes(id))).toEqual([])
    }
  })

  it('is watched: the function, its table, its distribution, and the lines of level error', async () => {
    const alarms = all('AWS::CloudWatch::Alarm')
    expect(alarms.map(({ AlarmName }) => String(AlarmName).replace('sample-prod-authorization-', '')).toSorted()).toEqual(
      ['edge-5xx', 'error-lines', 'function-errors', 'table-throttles', 'throttles'],
    ) // prettier-ignore
    expect(only('AWS::Logs::MetricFilter')).toMatchObject({ FilterPattern: '{ $.level = "error" }' })
    expect(all('AWS::CloudWatch::Dashboard')).toEqual([])
    const { templates } = await stacksOf({ ...config, observability: { alarms: false } })
    expect(JSON.stringify(templates.authorization)).not.toMatch(/CloudWatch::|MetricFilter/)
  })

  it('has a user pool that nobody signs up to, that stays, and where a second factor may be set up', () => {
    expect(only('AWS::Cognito::UserPool')).toMatchObject({
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      DeletionProtection: 'ACTIVE',
      MfaConfiguration: 'OPTIONAL',
      EnabledMfas: ['SOFTWARE_TOKEN_MFA'],
      UserPoolTier: 'ESSENTIALS',
      Policies: { PasswordPolicy: { MinimumLength: 12, RequireSymbols: true } },
    })
    expect(policiesOf('AWS::Cognito::UserPool')).toEqual(['Retain'])
    expect(all('AWS::Cognito::UserPoolGroup').map(({ GroupName }) => GroupName)).toEqual(['analysts', 'operators'])
    expect(only('AWS::Cognito::UserPoolResourceServer')).toMatchObject({
      Identifier: 'sample',
      Scopes: [{ ScopeName: 'read' }, { ScopeName: 'write' }],
    })
  })

  it('has a domain for managed login whose prefix Cognito takes', () => {
    const { Domain, ManagedLoginVersion } = only('AWS::Cognito::UserPoolDomain')
    const prefix = (Domain as { 'Fn::Join': [string, unknown[]] })['Fn::Join'][1][0] as string
    expect(ManagedLoginVersion).toBe(2)
    expect(`${prefix}111122223333`).toMatch(/^(?!.*(aws|amazon|cognito))[a-z0-9][a-z0-9-]{0,61}[a-z0-9]$/)
    expect(only('AWS::Cognito::ManagedLoginBranding')).toMatchObject({ UseCognitoProvidedValues: true })
  })

  it('has one client, for codes alone, whose secret goes to Secrets Manager and nowhere else', () => {
    expect(only('AWS::Cognito::UserPoolClient')).toMatchObject({
      AllowedOAuthFlows: ['code'],
      AllowedOAuthScopes: ['openid'],
      ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'],
      GenerateSecret: true,
      CallbackURLs: [{ 'Fn::Join': ['', ['https://', expect.anything(), '/federation/callback']] }],
    })
    expect(text().match(/"ClientSecret"/g)).toHaveLength(1)
    expect(all('AWS::SecretsManager::Secret').filter(({ SecretString }) => SecretString !== undefined)).toHaveLength(1)
  })

  it('has the table that the service opens, with recovery, encryption and protection', () => {
    const { KeySchema, GlobalSecondaryIndexes, BillingMode } = tableShape
    expect(only('AWS::DynamoDB::Table')).toMatchObject({
      KeySchema,
      GlobalSecondaryIndexes,
      BillingMode,
      TimeToLiveSpecification: { AttributeName: 'exp', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
      DeletionProtectionEnabled: true,
    })
    expect(policiesOf('AWS::DynamoDB::Table')).toEqual(['Retain'])
  })

  it('has a function whose environment names its secrets and holds none', () => {
    const { Environment, Architectures, Runtime } = only('AWS::Lambda::Function')
    const { Variables } = Environment as { Variables: Record<string, unknown> }
    expect([Architectures, Runtime]).toEqual([['arm64'], 'nodejs24.x'])
    const path = 'arn:aws:ssm:us-east-1:111122223333:parameter/fairlead/sample/prod'
    expect(Variables).toEqual({
      FAIRLEAD_TABLE: { Ref: expect.any(String) as string },
      FAIRLEAD_AUTHORIZATION_SERVICE: expect.anything() as unknown,
      FAIRLEAD_AUTHORIZATION_PLACE_FROM: `${path}/authorization/place`,
      FAIRLEAD_RESOURCES_FROM: `${path}/resources/`,
      FAIRLEAD_SECRET_FROM: { Ref: expect.stringMatching(/Secret/) as string },
      FAIRLEAD_ORIGIN_SECRET_FROM: { Ref: expect.stringMatching(/OriginSecret/) as string },
      MACHINE_SECRET_FROM: { Ref: expect.stringMatching(/ClientSecret/) as string },
    })
  })

  it('is reached through CloudFront, which says where the viewer is', () => {
    expect(only('AWS::Lambda::Url')).toMatchObject({ AuthType: 'NONE', InvokeMode: 'RESPONSE_STREAM' })
    expect(only('AWS::CloudFront::Function').FunctionCode).toContain('x-viewer-address')
    expect(text()).toContain('x-origin-verify')
  })

  it('lets its role do what the service does, on what it has', () => {
    const statements = all('AWS::IAM::Policy').flatMap(
      ({ PolicyDocument }) =>
        (PolicyDocument as { Statement: { Action: string | string[]; Resource: unknown }[] }).Statement,
    )
    expect(statements.flatMap(({ Action }) => Action).toSorted()).toEqual([
      'cognito-idp:AdminGetUser',
      'cognito-idp:AdminListGroupsForUser',
      'dynamodb:DeleteItem',
      'dynamodb:GetItem',
      'dynamodb:Query',
      'dynamodb:UpdateItem',
      'logs:CreateLogStream',
      'logs:PutLogEvents',
      'secretsmanager:GetSecretValue',
      'secretsmanager:GetSecretValue',
      'ssm:GetParameter',
      'ssm:GetParametersByPath',
    ])
    expect(statements.flatMap(({ Resource }) => Resource)).not.toContain('*')
  })

  it('is found clean too where the account is not known yet', async () => {
    const project = await stacksOf(config, {}, ['account'])
    expect(project.findings).toEqual([])
  })

  it('says what others read', () => {
    const { Outputs } = made.templates.authorization!
    for (const key of ['Issuer', 'UserPoolId', 'TableName', 'LogGroup', 'DistributionId', 'ClientSecrets'])
      expect(Outputs).toHaveProperty(key)
  })

  function policiesOf(type: string): (string | undefined)[] {
    return Object.values(made.templates.authorization!.Resources).flatMap((resource) =>
      resource.Type === type ? [(resource as { DeletionPolicy?: string }).DeletionPolicy] : [],
    )
  }
})

describe('with Cognito itself', () => {
  const direct = (more: FairleadConfig['oauth'] = {}): FairleadConfig => ({
    ...config,
    oauth: {
      verifier: 'cognito',
      clients: [{ id: 'desktop', redirectUris: ['http://localhost:7777/callback'] }, ...config.oauth!.clients!],
      ...more,
    },
  })

  it('the pool has a client for people and one for a machine, and there is no service', async () => {
    const { templates, findings } = await stacksOf(direct())
    const stack = templates.authorization
    expect(findings).toEqual([])
    expect(resources(stack, 'AWS::Lambda::Function')).toEqual([])
    expect(resources(stack, 'AWS::Cognito::UserPoolClient')).toMatchObject([
      { ClientName: 'desktop', AllowedOAuthFlows: ['code'], GenerateSecret: false },
      { ClientName: 'machine', AllowedOAuthFlows: ['client_credentials'], GenerateSecret: true },
    ])
    expect(Object.keys(stack!.Outputs!).slice(0, 4)).toEqual(['Issuer', 'UserPoolId', 'Clients', 'ClientSecrets'])
  })

  it('a function takes those clients, and the pool knows its URL', async () => {
    const { templates } = await stacksOf(direct())
    const parameters = resources(templates.lambda, 'AWS::SSM::Parameter')
    const place = parameters.find(({ Name }) => Name === '/fairlead/sample/prod/lambda')
    expect(JSON.stringify(place)).toContain('clients')
    expect(resources(templates.lambda, 'AWS::Cognito::UserPoolResourceServer')).toHaveLength(1)
  })

  it.each([
    [{ clients: [{ id: 'a', redirectUris: ['http://127.0.0.1:1/'] }] }, /does not take http:\/\/127\.0\.0\.1:1\//],
    [{ clients: [{ id: 'a' }] }, /a has neither redirectUris nor a secret/],
    [{ userPoolId: 'eu-west-1_AbC' }, /is not of the region us-east-1/],
  ])('what Cognito would refuse is told before: %o', async (oauth, message) => {
    await expect(stacksOf(direct(oauth))).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(message) as string,
    })
  })

  it('an existing pool is added to and not made', async () => {
    const { templates } = await stacksOf(direct({ userPoolId: 'us-east-1_AbCdEf' }))
    for (const type of ['UserPool', 'UserPoolDomain', 'UserPoolGroup'])
      expect(resources(templates.authorization, `AWS::Cognito::${type}`)).toEqual([])
    const clients = resources(templates.authorization, 'AWS::Cognito::UserPoolClient')
    expect(clients.map(({ UserPoolId }) => UserPoolId)).toEqual(['us-east-1_AbCdEf', 'us-east-1_AbCdEf'])
  })
})
