import { describe, expect, it } from 'vitest'
import { checkConfig } from '../src/config-check.ts'
import { FairleadError } from '../src/errors.ts'

const good = { name: 'demo', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {} } }

const runtime = (config: unknown) => ({ ...good, platforms: { 'agentcore-runtime': config } })

function refusal(value: unknown): FairleadError {
  try {
    checkConfig(value, 'fairlead.config.ts')
  } catch (error) {
    if (error instanceof FairleadError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('the configuration', () => {
  it('is accepted as it is when every key is right', () => {
    expect(checkConfig(good, 'fairlead.config.ts')).toEqual(good)
  })

  it('of a runtime may let the caller’s token and headers of its own through', () => {
    const jwt = { customJWTAuthorizer: { discoveryUrl: 'https://a.example/.well-known/openid-configuration' } }
    const headers = ['Authorization', 'X-Amzn-Bedrock-AgentCore-Runtime-Custom-Tenant']
    const value = runtime({ auth: jwt, headers, idleS: 60, maxLifetimeS: 60 })
    expect(checkConfig(value, 'fairlead.config.ts')).toEqual(value)
  })

  it('names the base of an image where one runs, and one base for both platforms', () => {
    const both = (fargate: string, own: string, what: 'code' | 'image' = 'image') => ({
      ...good,
      platforms: { fargate: { baseImage: fargate }, 'agentcore-runtime': { package: what, baseImage: own } },
    })
    expect(checkConfig(both('node:24', 'node:24'), 'fairlead.config.ts')).toEqual(both('node:24', 'node:24'))
    expect(refusal(both('node:24', 'node:26')).message).toContain('platforms.agentcore-runtime.baseImage')
    expect(refusal(both('node:24', 'node:24', 'code')).message).toContain('platforms.agentcore-runtime.baseImage')
  })

  it('may offer a tool as a task on fargate, beside lambda', () => {
    const offered = { ...good, tools: { echo: { task: true } }, platforms: { lambda: {}, fargate: {} } }
    expect(checkConfig(offered, 'fairlead.config.ts')).toEqual(offered)
    const required = { ...good, tools: { echo: { task: 'required' } }, platforms: { fargate: {} } }
    expect(checkConfig(required, 'fairlead.config.ts')).toEqual(required)
    expect(refusal({ ...good, tools: { echo: { task: true } } }).why).toContain('Lambda freezes the process')
  })

  it.each([
    [{ ...good, platfroms: {} }, 'platfroms', 'platforms'],
    [{ ...good, platforms: { lamda: {} } }, 'platforms.lamda', 'lambda'],
    [{ ...good, platforms: { lambda: { memoryMB: 512 } } }, 'platforms.lambda.memoryMB', 'memoryMb'],
    [{ ...good, server: { kind: 'module', entrty: './a.ts' } }, 'entry', 'entry'],
    [{ ...good, server: { kind: 'stdio', command: 'x', arg: [] } }, 'server.arg', 'args'],
    [{ ...good, tools: { echo: { timeout: 5 } } }, 'tools.echo.timeout', 'timeoutMs'],
    [runtime({ maxSession: 5 }), 'maxSession', 'maxSessions'],
    [
      { ...good, platforms: { 'agentcore-gateway': { gateway: 'a', targets: [], polices: ['a'] } } },
      'polices',
      'policies',
    ],
  ])('names a wrong key and the nearest right one (%#)', (value, wrong, right) => {
    const error = refusal(value)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(wrong)
    expect(`${error.message} ${error.fix}`).toContain(right)
    expect(error.exitCode).toBe(2)
  })

  it('may say where it is deployed, and what is different there', () => {
    const value = {
      ...good,
      oauth: { userPoolId: 'us-east-1_AbCdEfGhI' },
      platforms: { lambda: {}, fargate: { vpcId: 'vpc-0123456789abcdef0', subnetIds: ['subnet-0123456789abcdef0', 'subnet-0123456789abcdef1'] } }, // prettier-ignore
      environments: {
        prod: { account: '111122223333', region: 'eu-west-1', config: { platforms: { lambda: { memoryMb: 2048 } } } },
      },
    }
    expect(checkConfig(value, 'fairlead.config.ts')).toEqual(value)
  })

  it('of an environment is checked as it will be, and the environment is named', () => {
    const at = (config: unknown) => ({
      ...good,
      environments: { prod: { account: '111122223333', region: 'eu-west-1', config } },
    })
    const misspelt = refusal(at({ platforms: { lambda: { memoryMB: 2048 } } }))
    expect(misspelt.message).toContain('environments.prod.config')
    expect(misspelt.message).toContain('did you mean `memoryMb`')
    expect(refusal(at({ name: 'other' })).message).toContain('`environments.prod.config.name` cannot be set')
  })

  const python = { ...good, server: { kind: 'http', command: 'python' } }
  const prod = (environment: unknown) => ({ ...good, environments: { prod: environment } })
  const domain = { name: 'mcp.example.com', certificateArn: 'arn:aws:acm:eu-west-1:111122223333:certificate/1' }
  const atEdge = { name: 'mcp.example.com', certificateArn: 'arn:aws:acm:us-east-1:111122223333:certificate/1' }
  it.each([
    [prod({ account: 111122223333, region: 'us-east-1' }), '12 digits in quotes'],
    [prod({ account: '111122223333', region: 'us-east' }), 'must be a region'],
    [{ ...good, environments: {} }, 'names no environment'],
    [{ ...good, oauth: { clients: [{ id: 'a' }, { id: 'a' }] } }, 'has two clients of one id'],
    [{ ...good, platforms: { lambda: { auth: 'oauth', domain: atEdge }, fargate: { domain: atEdge } } }, 'has one `domain` twice'], // prettier-ignore
    [
      {
        ...good,
        oauth: {
          clients: [
            { id: 'a', secretEnv: 'S' },
            { id: 'b', secretEnv: 'S' },
          ],
        },
      },
      'with one secretEnv',
    ],
    [{ ...good, oauth: { clients: [{ id: 'a', secretEnv: 'FAIRLEAD_SECRET' }] } }, 'none of AWS_ or FAIRLEAD_'],
    [{ ...good, scopes: Object.fromEntries(Array.from({ length: 101 }, (_, at) => [`s${at}`, { description: 'x' }])) }, '100 that Cognito takes'], // prettier-ignore
    [
      { ...good, permissions: [{ actions: ['GetObject'], resources: ['*'] }] },
      'must be an action such as s3:GetObject',
    ],
    [{ ...good, permissions: [{ actions: ['s3:GetObject'], resources: ['bucket'] }] }, 'must be an ARN, or *'],
    [{ ...good, permissions: [{ actions: [], resources: ['*'] }] }, 'must have an action at least'],
    [{ ...good, environments: { Prod: {} } }, '`environments.Prod` is wrong: must be small letters'],
    [{ ...good, oauth: { userPoolId: 'pool' } }, 'must be the id of a user pool'],
    [{ ...good, platforms: { fargate: { vpcId: 'vpc-1' } } }, 'must be the id of a VPC'],
    [{ ...good, platforms: { fargate: { domain: { ...domain, name: 'https://a' } } } }, 'must be a host name'],
    [{ ...good, platforms: { lambda: { auth: 'oauth', domain } } }, 'us-east-1, where CloudFront looks'],
    [{ ...good, platforms: { lambda: { waf: true } } }, "`platforms.lambda.waf` needs auth: 'oauth'"],
    [{ ...good, platforms: { lambda: { runtime: 'python3.13' } } }, 'needs a server of kind `http`'],
    [{ ...python, platforms: { lambda: { runtime: 'python3.6' } } }, 'platforms.lambda.runtime'],
    [{ ...python, platforms: { lambda: { runtime: 'python3.13', auth: 'oauth' } } }, "combined with auth: 'oauth'"],
  ])('says what is wrong with where it is deployed (%#)', (value, part) => {
    const error = refusal(value)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(part)
  })

  it.each([
    [{ ...good, name: '1st server' }, 'name'],
    [{ ...good, callers: ['agent'] }, 'callers.0'],
    [{ ...good, scopes: { 'a b': { description: 'x' } } }, 'scopes'],
    [{ ...good, scopes: { read: { description: 'x' } }, baseScopes: ['raed'] }, 'did you mean `read`'],
    [{ ...good, tools: { echo: { scopes: ['write'] } } }, 'tools.echo.scopes'],
    [{ ...good, platforms: { fargate: { tasks: 0 } } }, 'tasks'],
    [{ ...good, server: { kind: 'http', command: 'x' }, platforms: { fargate: { sessions: 'stateful' } } }, 'sessions'],
    [{ ...good, platforms: { lambda: { timeoutS: 901 } } }, 'timeoutS'],
    [runtime({ idleS: 900, maxLifetimeS: 600 }), 'idleS'],
    [runtime({ headers: ['Cookie'] }), 'headers.0'],
    [runtime({ headers: ['X-Amz-Date'] }), 'headers.0'],
    [runtime({ headers: ['X-A', 'x-a'] }), 'twice'],
    [runtime({ headers: ['Authorization'] }), 'JWT authorizer'],
    [{ ...good, tools: { echo: { task: 'maybe' } } }, 'tools.echo.task'],
    [{ ...good, tools: { echo: { task: true } } }, '`tools.echo.task` needs `platforms.fargate`'],
    [
      { ...good, tools: { echo: { task: 'required' } }, platforms: { lambda: {}, fargate: {} } },
      "`tools.echo.task` cannot be 'required' with `platforms.lambda`",
    ],
    [
      { ...good, server: { kind: 'http', command: 'x' }, tools: { echo: { task: true } }, platforms: { fargate: {} } },
      '`tools.echo.task` cannot be set for a server of kind `http`',
    ],
    [undefined, 'default export'],
  ])('says what is wrong with a value (%#)', (value, part) => {
    const error = refusal(value)
    expect(error.code).toBe('CONFIG_INVALID')
    expect(error.message).toContain(part)
  })
})
