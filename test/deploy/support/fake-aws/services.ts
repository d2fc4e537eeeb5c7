import { randomUUID } from 'node:crypto'
import { AwsError, type Answers, type Call, type Identity } from './server.ts'

/** STS: who calls, and the roles of a bootstrapped account. */
export function sts(identities: Map<string, Identity>, roles: () => boolean): Answers {
  return {
    GetCallerIdentity: ({ identity }) => ({ Account: identity.account, Arn: identity.arn, UserId: 'AIDAFAKE' }),
    AssumeRole: ({ input, identity }) => {
      const { RoleArn: role, RoleSessionName: session } = input as { RoleArn: string; RoleSessionName: string }
      const [, , , , account, resource] = role.split(':')
      if (account !== identity.account || !roles())
        throw new AwsError('AccessDenied', `User: ${identity.arn} is not authorized to perform: sts:AssumeRole on resource: ${role}`, 403) // prettier-ignore
      const accessKeyId = `ASIA${randomUUID().replaceAll('-', '').slice(0, 16).toUpperCase()}`
      const made = { accessKeyId, secretAccessKey: randomUUID(), sessionToken: randomUUID() }
      const arn = `arn:aws:sts::${account}:assumed-${resource}/${session}`
      identities.set(accessKeyId, { ...made, account, arn })
      return {
        Credentials: { AccessKeyId: made.accessKeyId, SecretAccessKey: made.secretAccessKey, SessionToken: made.sessionToken, Expiration: new Date(Date.now() + 3_600_000) }, // prettier-ignore
        AssumedRoleUser: { AssumedRoleId: `AROAFAKE:${session}`, Arn: arn },
      }
    },
  }
}

/** ECR: the password of a registry, for twelve hours, and the repository of CDK's bootstrap, which has no image. */
export function ecr(password: string): Answers {
  return {
    DescribeRepositories: ({ input, identity, region }) => ({
      repositories: (input['repositoryNames'] as string[]).map((name) => ({ repositoryName: name, repositoryUri: `${identity.account}.dkr.ecr.${region}.amazonaws.com/${name}` })), // prettier-ignore
    }),
    DescribeImages: () => {
      throw new AwsError('ImageNotFoundException', 'The image with that tag does not exist within the repository')
    },
    GetAuthorizationToken: ({ identity, region }) => ({
      authorizationData: [{ authorizationToken: Buffer.from(`AWS:${password}`).toString('base64'), expiresAt: new Date(Date.now() + 12 * 3_600_000), proxyEndpoint: `https://${identity.account}.dkr.ecr.${region}.amazonaws.com` }], // prettier-ignore
    }),
  }
}

/** SSM: parameters by region and name. */
export function ssm(parameters: Map<string, string>): Answers {
  return {
    GetParameter: ({ input, region }) => {
      const name = String(input['Name'])
      const value = parameters.get(`${region}${name}`)
      if (value === undefined) throw new AwsError('ParameterNotFound', '')
      return { Parameter: { Name: name, Type: 'String', Value: value, Version: 1 } }
    },
  }
}

/** Secrets Manager: which secrets there are, by their names. */
export function secretsManager(secrets: ReadonlySet<string>): Answers {
  return {
    DescribeSecret: ({ input, region, identity: { account } }) => {
      const id = String(input['SecretId'])
      const name = id.startsWith('arn:') ? id.split(':')[6]!.slice(0, -7) : id
      if (!secrets.has(name)) throw new AwsError('ResourceNotFoundException', 'Secrets Manager can’t find the specified secret.') // prettier-ignore
      return { Name: name, ARN: `arn:aws:secretsmanager:${region}:${account}:secret:${name}-AbCdEf` }
    },
  }
}

/** What AWS gives to all, of the quotas that are asked for. */
const given: Record<string, number> = { 'L-F678F1CE': 5, 'L-24B04930': 200, 'L-F4575653': 1000, 'L-3032A538': 6 }

/** Service Quotas: what the account has of its own, and what all have. */
export function serviceQuotas(own: Map<string, number>): Answers {
  const quota = (code: string, value: number | undefined) => {
    if (value === undefined) throw new AwsError('NoSuchResourceException', `There is no quota ${code}`)
    return { Quota: { QuotaCode: code, Value: value } }
  }
  return {
    GetServiceQuota: ({ input }) => quota(String(input['QuotaCode']), own.get(String(input['QuotaCode']))),
    GetAWSDefaultServiceQuota: ({ input }) => quota(String(input['QuotaCode']), given[String(input['QuotaCode'])]),
  }
}

/** Cloud Control: the resources of a type, in pages. */
export function cloudControl(others: Map<string, number>): Answers {
  return {
    ListResources: ({ input }) => {
      const { TypeName: type, MaxResults: size = 20, NextToken: from = '0' } = input as { TypeName: string; MaxResults?: number; NextToken?: string } // prettier-ignore
      const all = Array.from({ length: others.get(type) ?? 0 }, (_, at) => ({
        Identifier: `other-${at}`,
        Properties: '{}',
      }))
      const page = all.slice(Number(from), Number(from) + size)
      const next = Number(from) + page.length
      return { TypeName: type, ResourceDescriptions: page, ...(next < all.length ? { NextToken: String(next) } : {}) }
    },
  }
}

export interface LogLine {
  stream: string
  at: number
  message: string
}

/** CloudWatch Logs: FilterLogEvents, in pages of 100. */
export function logs(groups: Map<string, LogLine[]>): Answers {
  return {
    FilterLogEvents: ({ input }) => {
      const { logGroupName: group, startTime = 0, nextToken: token = '0' } = input as { logGroupName: string; startTime?: number; nextToken?: string } // prettier-ignore
      const lines = groups.get(group)
      if (!lines) throw new AwsError('ResourceNotFoundException', 'The specified log group does not exist.')
      const found = lines.filter(({ at }) => at >= startTime)
      const from = Number(token)
      return {
        events: found.slice(from, from + 100).map(({ stream, at, message }) => ({ logStreamName: stream, timestamp: at, message, ingestionTime: at, eventId: `${lines.findIndex((each) => each.at === at && each.message === message)}` })), // prettier-ignore
        ...(from + 100 < found.length ? { nextToken: String(from + 100) } : {}),
      }
    },
  }
}

interface Statement {
  Sid: string
  Effect: string
  Principal: unknown
  Action: string
  Resource: string
  Condition?: Record<string, Record<string, string>>
}

/** What a Lambda permission of a stack puts into the policy of its function. */
export function permit(policies: Map<string, Statement[]>, sid: string, properties: Record<string, string>): void {
  const { FunctionName: name, Action: action, Principal: principal, FunctionUrlAuthType: type, InvokedViaFunctionUrl: via } = properties as Record<'FunctionName' | 'Action' | 'Principal', string> & Record<string, string | undefined> // prettier-ignore
  const statements = policies.get(name.split(':').at(-1)!) ?? []
  if (statements.some(({ Sid }) => Sid === sid)) return
  statements.push({
    Sid: sid,
    Effect: 'Allow',
    Principal: principal === '*' ? '*' : principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: principal }, // prettier-ignore
    Action: action,
    Resource: name,
    ...(type ? { Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': type } } } : {}),
    ...(via === 'true' ? { Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } } } : {}),
  })
}

/** Lambda's resource policy, as AddPermission writes it. */
export function lambda(policies: Map<string, Statement[]>, unreserved: () => number): Answers {
  const policyOf = (name: unknown) => {
    const found = policies.get(String(name)) ?? policies.get(String(name).split(':').at(-1)!)
    if (!found) throw new AwsError('ResourceNotFoundException', `Function not found: ${String(name)}`, 404)
    return found
  }
  return {
    GetAccountSettings: () => ({ AccountLimit: { ConcurrentExecutions: 1000, UnreservedConcurrentExecutions: unreserved() }, AccountUsage: {} }), // prettier-ignore
    AddPermission: ({ input, region, identity }) => {
      const statements = policyOf(input['FunctionName'])
      const sid = String(input['StatementId'])
      if (!/^[a-zA-Z0-9-_]{1,100}$/.test(sid))
        throw new AwsError('InvalidParameterValueException', `StatementId ${sid}`)
      if (statements.some(({ Sid }) => Sid === sid)) throw new AwsError('ResourceConflictException', `The statement id (${sid}) provided already exists. Please provide a new statement id, or remove the existing statement.`, 409) // prettier-ignore
      const principal = String(input['Principal'])
      if (/role\/ghost/.test(principal)) throw new AwsError('InvalidParameterValueException', 'The provided principal was invalid. Please check the principal and try again.') // prettier-ignore
      const statement: Statement = {
        Sid: sid,
        Effect: 'Allow',
        Principal: principal.endsWith('.amazonaws.com') ? { Service: principal } : { AWS: /^\d{12}$/.test(principal) ? `arn:aws:iam::${principal}:root` : principal }, // prettier-ignore
        Action: String(input['Action']),
        Resource: `arn:aws:lambda:${region}:${identity.account}:function:${String(input['FunctionName']).split(':').at(-1)}`,
        ...(input['FunctionUrlAuthType'] ? { Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': input['FunctionUrlAuthType'] as string } } } : {}), // prettier-ignore
        ...(input['InvokedViaFunctionUrl'] === true ? { Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } } } : {}), // prettier-ignore
      }
      statements.push(statement)
      return { Statement: JSON.stringify(statement) }
    },
    RemovePermission: ({ input }) => {
      const statements = policyOf(input['FunctionName'])
      const at = statements.findIndex(({ Sid }) => Sid === input['StatementId'])
      if (at < 0) throw new AwsError('ResourceNotFoundException', `No policy found for: ${String(input['StatementId'])}`, 404) // prettier-ignore
      statements.splice(at, 1)
      return {}
    },
    GetPolicy: ({ input }) => {
      const statements = policyOf(input['FunctionName'])
      if (statements.length === 0) throw new AwsError('ResourceNotFoundException', 'The resource you requested does not exist.', 404) // prettier-ignore
      return { Policy: JSON.stringify({ Version: '2012-10-17', Id: 'default', Statement: statements }), RevisionId: randomUUID() } // prettier-ignore
    },
  }
}

/** The resource policies of AgentCore runtimes and gateways. */
export function agentcoreControl(
  policies: Map<string, string>,
  { providers, memories, gateways }: Record<'providers' | 'memories' | 'gateways', ReadonlySet<string>>,
): Answers {
  const provider = (kind: 'apikey' | 'oauth2') => {
    return ({ input, region, identity: { account } }: Call) => {
      const name = String(input['name'])
      if (!providers.has(`${kind}/${name}`)) throw new AwsError('ResourceNotFoundException', `No provider ${name}`, 404)
      const at = `${region}:${account}`
      const secretArn = `arn:aws:secretsmanager:${at}:secret:bedrock-agentcore-identity!default/${kind}/${name}-AbCdEf`
      const credentialProviderArn = `arn:aws:acps:${at}:token-vault/default/${kind}credentialprovider/${name}`
      const times = { createdTime: new Date(0), lastUpdatedTime: new Date(0) }
      return kind === 'apikey'
        ? { name, credentialProviderArn, apiKeySecretArn: { secretArn }, ...times }
        : { name, credentialProviderArn, clientSecretArn: { secretArn }, credentialProviderVendor: 'CustomOauth2', ...times } // prettier-ignore
    }
  }
  return {
    GetApiKeyCredentialProvider: provider('apikey'),
    GetOauth2CredentialProvider: provider('oauth2'),
    ListGateways: () => ({
      items: [...gateways].map((id) => ({ gatewayId: id, name: id.slice(0, -11), status: 'READY', authorizerType: 'AWS_IAM', createdAt: new Date(), updatedAt: new Date() })), // prettier-ignore
    }),
    ListMemories: () => ({
      memories: [...memories].map((id) => ({ id, status: 'ACTIVE', createdAt: new Date(), updatedAt: new Date() })),
    }),
    GetResourcePolicy: ({ input }) => {
      const found = policies.get(String(input['resourceArn']))
      if (found === undefined) throw new AwsError('ResourceNotFoundException', 'There is no resource policy', 404)
      return { policy: found }
    },
    PutResourcePolicy: ({ input }) => {
      const { resourceArn, policy } = input as { resourceArn: string; policy: string }
      const { Statement: statements } = JSON.parse(policy) as { Statement: Statement[] }
      // The service takes statements about the resource itself only.
      if (statements.some(({ Resource: resource }) => resource !== resourceArn && resource !== '*'))
        throw new AwsError('ValidationException', 'The policy names another resource')
      policies.set(resourceArn, policy)
      return { policy }
    },
    DeleteResourcePolicy: ({ input }) => {
      policies.delete(String(input['resourceArn']))
      return {}
    },
  }
}
