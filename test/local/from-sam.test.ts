import { cpSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { parse, stringify } from 'yaml'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import type { Project } from '../../src/build/project.ts'
import type { FairleadConfig } from '../../src/config.ts'
import { writeSam } from '../../src/deploy/sam.ts'
import { FairleadError } from '../../src/errors.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import type { RequestRecord } from '../../src/local/requests.ts'
import { resolver, type Template } from '../../src/local/template/resolve.ts'
import { withoutServerless } from '../../src/local/template/serverless.ts'
import { readTemplateFile } from '../../src/local/template/template-file.ts'
import { startStack, type Stack } from '../../src/local/stack.ts'

/** The local stack from a template of AWS SAM: what `synth --format sam` writes, and what people make of it. */
const entry = join(import.meta.dirname, '../fixtures/sealing-server.ts')
const agent = 'arn:aws:iam::111122223333:role/agent'
const root = mkdtempSync(join(tmpdir(), 'fairlead-from-sam-'))
const sam = join(root, 'sam')
const config: FairleadConfig = {
  name: 'contract',
  server: { kind: 'module', entry },
  callers: [agent],
  scopes: { read: { description: 'Read' } },
  baseScopes: ['read'],
  platforms: { lambda: { memoryMb: 512, timeoutS: 20, concurrency: 3 } },
}
const project: Project = { dir: root, configFile: '', config }

beforeAll(async () => {
  // As `synth --format sam` builds it: the parameter decides later who checks the callers.
  const guarded = { ...config, platforms: { lambda: { ...config.platforms.lambda, auth: 'oauth' as const } } }
  const server = await buildForAws({ projectDir: root, config: guarded, outDir: join(root, 'server') })
  const deployment = { environment: 'prod', region: 'us-east-1', platforms: ['lambda' as const] }
  writeSam({ ...deployment, project, artifacts: { server } }, sam)
}, 60_000)
afterAll(() => rmSync(root, { recursive: true, force: true }))

const closers: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

/** A template has any shape; what is not there makes the test fail. */
// oxlint-disable-next-line typescript/no-explicit-any -- see above
type Loose = any

function pathsOf(node: unknown): string[][] {
  if (typeof node !== 'object' || node === null) return []
  return Object.entries(node).flatMap(([key, each]) => [[key], ...pathsOf(each).map((path) => [key, ...path])])
}

let copies = 0

/** A copy of the folder that synth wrote, with its template changed. */
function edited(change: (template: Loose) => void): string {
  const dir = copied()
  const file = join(dir, 'template.yaml')
  const template: Loose = parse(readFileSync(file, 'utf8'))
  change(template)
  writeFileSync(file, stringify(template, { aliasDuplicateObjects: false }))
  return dir
}

function copied(): string {
  const dir = join(root, `copy-${copies++}`)
  cpSync(sam, dir, { recursive: true })
  return dir
}

interface Started extends Stack {
  /** The first request that was refused, when its record is there. */
  refused: Promise<RequestRecord>
}

async function start(path: string): Promise<Started> {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-state-'))
  closers.push(async () => rmSync(dir, { recursive: true, force: true }))
  const { project: read, deployed } = await fromTemplate({ ...project, dir }, path)
  const refused = Promise.withResolvers<RequestRecord>()
  const onRequest = (record: RequestRecord) => record.code && refused.resolve(record)
  const stack = await startStack(read, { port: 0, deployed, onRequest })
  closers.push(() => stack.close())
  return { ...stack, refused: refused.promise }
}

const as = (stack: Stack, name: string): typeof fetch =>
  sigv4Fetch({
    credentials: stack.identities.find((each) => each.name === name)!,
    service: 'lambda',
    region: 'us-east-1',
  })

async function call({ endpoints }: Stack, send: typeof fetch): Promise<Response> {
  return send(endpoints.lambda!.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
    body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'tools/call', params: { name: 'seal', arguments: {} } }), // prettier-ignore
  })
}

describe('the local stack from a template of AWS SAM', () => {
  it('runs what synth wrote, for the caller that is configured and for nobody else', async () => {
    const { deployed } = await fromTemplate(project, sam)
    expect(deployed).toMatchObject({
      callers: [agent],
      lambda: { handler: 'index.handler', memoryMb: 512, timeoutS: 20, concurrency: 3, auth: 'AWS_IAM', mode: 'RESPONSE_STREAM', oauth: false, artifactDir: join(sam, 'server'), env: { FAIRLEAD_PLATFORM: 'lambda' } }, // prettier-ignore
    })
    const stack = await start(join(sam, 'template.yaml'))
    expect(Object.keys(stack.endpoints)).toEqual(['lambda'])
    expect(stack.endpoints.lambda!.auth).toBe('iam')
    expect(stack.identities[0]!.arn).toBe(agent)
    const answer = await call(stack, as(stack, 'agent'))
    expect(answer.status).toBe(200)
    expect(await answer.text()).toContain('sealed as v1')
    expect((await call(stack, as(stack, 'stranger'))).status).toBe(403)
    expect(await stack.refused).toMatchObject({ code: 'IAM_DENIED' })
  })

  it('runs the same when somebody wrote it in short forms, with Globals, a function URL of its own and policies', async () => {
    const dir = copied()
    const lines = `Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Timeout: 9
    Runtime: nodejs24.x
    Environment: { Variables: { FAIRLEAD_PLATFORM: other, DEBUG: true } }
Parameters:
  Mode: { Type: String, Default: RESPONSE_STREAM }
Conditions:
  Streams: !Equals [!Ref Mode, RESPONSE_STREAM]
Resources:
  Key:
    Type: AWS::SecretsManager::Secret
  Other:
    Type: AWS::Serverless::Function
    Properties: { CodeUri: other/, Handler: app.main, Runtime: python3.13, FunctionUrlConfig: { AuthType: NONE } }
  Server:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: !Sub "\${AWS::StackName}-server"
      CodeUri: server/
      Handler: index.handler
      MemorySize: "256"
      FunctionUrlConfig: { AuthType: AWS_IAM, InvokeMode: !If [Streams, !Ref Mode, BUFFERED] }
      Environment: { Variables: { FAIRLEAD_PLATFORM: lambda, FAIRLEAD_SECRET_FROM: !Ref Key } }
      Policies:
        - AWSXRayDaemonWriteAccess
        - AWSSecretsManagerGetSecretValuePolicy: { SecretArn: !Ref Key }
      Events: { Api: { Type: HttpApi } }
  Url:
    Type: AWS::Lambda::Permission
    Properties: { Action: lambda:InvokeFunctionUrl, FunctionName: !GetAtt Server.Arn, Principal: ${agent}, FunctionUrlAuthType: AWS_IAM }
  Invoke:
    Type: AWS::Lambda::Permission
    Properties: { Action: lambda:InvokeFunction, FunctionName: !Ref Server, Principal: ${agent}, InvokedViaFunctionUrl: true }
Outputs:
  Url: { Value: !Sub "\${ServerUrl.FunctionUrl}mcp" }
  Api: { Value: !Ref ServerlessHttpApi }
`
    writeFileSync(join(dir, 'template.yaml'), lines)
    const { deployed } = await fromTemplate(project, dir)
    expect(deployed.lambda).toMatchObject({ memoryMb: 256, timeoutS: 9, mode: 'RESPONSE_STREAM', env: { FAIRLEAD_PLATFORM: 'lambda', DEBUG: 'true' } }) // prettier-ignore
    const stack = await start(dir)
    expect(await (await call(stack, as(stack, 'agent'))).text()).toContain('sealed as v1')
    expect((await call(stack, as(stack, 'stranger'))).status).toBe(403)
    writeFileSync(join(dir, 'template.yaml'), lines.replace(/ {8}- AWSSecrets.*\n/, ''))
    await expect(fromTemplate(project, dir)).rejects.toMatchObject({ code: 'SETTING_UNREADABLE' })
  })

  it('is read in JSON too, and from what sam build makes', async () => {
    const dir = copied()
    const template: Loose = parse(readFileSync(join(dir, 'template.yaml'), 'utf8'))
    rmSync(join(dir, 'template.yaml'))
    writeFileSync(join(dir, 'template.json'), JSON.stringify(template))
    expect((await fromTemplate(project, dir)).deployed.callers).toEqual([agent])
    template.Resources.Function.Properties.CodeUri = 'Function'
    const built = join(dir, '.aws-sam/build')
    mkdirSync(built, { recursive: true })
    renameSync(join(dir, 'server'), join(built, 'Function'))
    writeFileSync(join(built, 'template.yaml'), stringify(template))
    const { deployed } = await fromTemplate(project, join(built, 'template.yaml'))
    expect(deployed.lambda!.artifactDir).toBe(join(built, 'Function'))
  })

  const withTokens = ({ Parameters }: Loose) => {
    Parameters.AuthType.Default = 'NONE'
    Parameters.PublicUrl.Default = 'https://mcp.example.com/mcp'
    Parameters.Issuer.Default = 'https://auth.example.com'
  }

  it('with AuthType NONE has the server verify tokens, and its challenge has the name that a function URL gives it', async () => {
    const stack = await start(edited(withTokens))
    expect(stack.endpoints.lambda).toMatchObject({ auth: 'oauth' })
    expect(stack.authorizationServer).toBeDefined()
    const answer = await call(stack, fetch)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('x-amzn-remapped-www-authenticate')).toContain('contract/read')
  })

  it('with a secret of CloudFront has one in front', async () => {
    const secret = 'arn:aws:secretsmanager:us-east-1:111122223333:secret:origin-AbCdEf'
    const dir = edited((template) => {
      withTokens(template)
      template.Parameters.OriginSecretArn.Default = secret
    })
    expect((await fromTemplate(project, dir)).deployed.lambda).toMatchObject({ front: true, oauth: true })
  })
})

it('a server that seals state finds its secret on Lambda without a template too', async () => {
  const { callers: _, ...own } = config
  const stack = await startStack({ ...project, config: own }, { port: 0 })
  closers.push(() => stack.close())
  expect(await (await call(stack, as(stack, 'agent'))).text()).toContain('sealed as v1')
})

it('is made into what SAM itself makes of it', async () => {
  const fixture = (name: string) => join(import.meta.dirname, '../fixtures/sam', name)
  const { Resources } = withoutServerless(await readTemplateFile(fixture('template.yaml')), 'template.yaml')
  const { resources } = JSON.parse(readFileSync(fixture('translated.json'), 'utf8')) as { resources: Template['Resources'] } // prettier-ignore
  const filled = (all: Template['Resources']) => {
    const parameters = { Auth: { Default: 'NONE' } }
    const template = { Resources: { ...Resources, ...all }, Parameters: parameters, Conditions: { Always: { 'Fn::Equals': ['a', 'a'] } } } // prettier-ignore
    return resolver(template, { account: '111122223333', region: 'us-east-1', stack: 'own' })(all)
  }
  const made = Object.fromEntries(Object.entries(Resources).filter(([id]) => id in resources))
  // SAM looks the ARNs of managed policies up.
  const translated = JSON.stringify(filled(resources)).replaceAll('arn:aws:iam::aws:policy/AWSXRay', 'AWSXRay')
  expect(filled(made)).toEqual(JSON.parse(translated))
})

describe('a mistake in a template of AWS SAM', () => {
  it('that leaves a permission out is a 403 of the function URL, with the proof', async () => {
    const stack = await start(edited(({ Resources }) => delete Resources.Caller0InvokeThroughUrl))
    expect((await call(stack, as(stack, 'agent'))).status).toBe(403)
    const record = await stack.refused
    expect(record).toMatchObject({ code: 'IAM_DENIED', principal: agent })
    expect(record.why).toContain('to do lambda:InvokeFunction on')
  })

  it.for<[string, (template: Loose) => unknown]>([
    [
      'Function: Handler server.handler: there is no server.js',
      ({ Resources }) => (Resources.Function.Properties.Handler = 'server.handler'),
    ],
    ['Function: It has no Handler', ({ Resources }) => delete Resources.Function.Properties.Handler],
    ['Function: CodeUri ./code is not there', ({ Resources }) => (Resources.Function.Properties.CodeUri = './code')],
    [
      'Function: its code is s3://bucket/0123, and not on this machine',
      ({ Resources }) => (Resources.Function.Properties.CodeUri = 's3://bucket/0123'),
    ],
    [
      'Function: AWS SAM has no property Memorysize; did you mean MemorySize?',
      ({ Resources }) => (Resources.Function.Properties.Memorysize = 512),
    ],
    [
      'Function: FunctionUrlConfig has no property Invokemode; did you mean InvokeMode?',
      ({ Resources }) =>
        (Resources.Function.Properties.FunctionUrlConfig = { AuthType: 'AWS_IAM', Invokemode: 'BUFFERED' }),
    ],
    ['Function: MemorySize is 64', ({ Resources }) => (Resources.Function.Properties.MemorySize = 64)],
    ['Function: Timeout is 901', ({ Resources }) => (Resources.Function.Properties.Timeout = 901)],
    [
      'Function: The variable LIST is not text',
      ({ Resources }) => (Resources.Function.Properties.Environment.Variables.LIST = ['a']),
    ],
    [
      'Function: Proofs is named, which is not made: its condition Oauth does not hold',
      ({ Resources }) => (Resources.Function.Properties.Environment.Variables.FAIRLEAD_TABLE = { Ref: 'Proofs' }),
    ],
    [
      'Function: The function URL of an alias is not run here',
      ({ Resources }) =>
        Object.assign(Resources.Function.Properties, {
          AutoPublishAlias: 'live',
          FunctionUrlConfig: { AuthType: 'AWS_IAM' },
        }),
    ],
    ['Function: It has no Role', ({ Resources }) => (Resources.Function.Properties.Role = ['a'])],
    [
      'Role: its policy has a mistake: statement 1 has the Action logs, which is not SERVICE:ACTION',
      ({ Resources }) => (Resources.Role.Properties.Policies[0].PolicyDocument.Statement[0].Action = 'logs'),
    ],
    ['Url: AuthType is "IAM"', ({ Resources }) => (Resources.Url.Properties.AuthType = 'IAM')],
    ['Url: InvokeMode is "STREAM"', ({ Resources }) => (Resources.Url.Properties.InvokeMode = 'STREAM')],
    [
      'Url: it is of other, which is no function here',
      ({ Resources }) => (Resources.Url.Properties.TargetFunctionArn = 'other'),
    ],
    [
      'Caller0InvokeThroughUrl: FunctionUrlAuthType is for lambda:InvokeFunctionUrl alone',
      ({ Resources }) => (Resources.Caller0InvokeThroughUrl.Properties.FunctionUrlAuthType = 'AWS_IAM'),
    ],
    ['Caller0FunctionUrl: The template has no condition Iam', ({ Conditions }) => delete Conditions.Iam],
    [
      'OauthIsKnown: With AuthType NONE the parameter PublicUrl is needed',
      ({ Parameters }) => (Parameters.AuthType.Default = 'NONE'),
    ],
    [
      'AuthType: its Default IAM is not one of AWS_IAM, NONE',
      ({ Parameters }) => (Parameters.AuthType.Default = 'IAM'),
    ],
    ['Rules: The parameter AuthType has no Default', ({ Parameters }) => delete Parameters.AuthType.Default],
    ['Function: CloudFormation has no type AWS::Serverless::Function', (template) => delete template.Transform],
    ['Transform: "Macro" is not a transform', (template) => (template.Transform = [template.Transform, 'Macro'])],
  ])('is told with its resource: %s', async ([message, change]) => {
    await expect(fromTemplate(project, edited(change))).rejects.toMatchObject({
      code: 'TEMPLATE_NOT_RUNNABLE',
      message: expect.stringContaining(`template.yaml: ${message}`) as string,
    })
  })

  it('in its YAML is told with the file', async () => {
    const dir = copied()
    writeFileSync(join(dir, 'template.yaml'), 'Resources: [')
    await expect(fromTemplate(project, dir)).rejects.toMatchObject({ code: 'TEMPLATE_UNREADABLE' })
    writeFileSync(join(dir, 'template.yaml'), 'Resources: { A: { Typ: x } }')
    await expect(fromTemplate(project, dir)).rejects.toMatchObject({
      message: expect.stringContaining('the resource A has no Type') as string,
    })
    writeFileSync(join(dir, 'template.yaml'), 'Resources: {}\nOutputs:\n')
    await expect(fromTemplate(project, dir)).rejects.toMatchObject({
      message: expect.stringContaining('Outputs is no map') as string,
    })
  })

  it('whatever it is, is told as one', async () => {
    const template = parse(readFileSync(join(sam, 'template.yaml'), 'utf8')) as object
    const file = join(copied(), 'template.json')
    const odd = [undefined, null, 'x', 7, [], {}, [null], { Ref: 'nowhere' }]
    for (const [at, path] of pathsOf(template).entries()) {
      const copy = structuredClone(template)
      const [last = '', ...to] = path.toReversed()
      const parent = to.toReversed().reduce<Loose>((node, key) => node[key], copy)
      parent[last] = odd[at % odd.length]
      writeFileSync(file, JSON.stringify(copy))
      const said: unknown = await fromTemplate(project, file).catch((error: unknown) => error)
      if (said instanceof Error) expect(said, path.join('.')).toBeInstanceOf(FairleadError)
    }
  })

  it('of auth type NONE at the URL alone keeps everyone out', async () => {
    const closed = await start(edited(({ Resources }) => (Resources.Url.Properties.AuthType = 'NONE')))
    expect((await call(closed, as(closed, 'agent'))).status).toBe(403)
    expect((await closed.refused).why).toContain('The auth type is NONE, and no statement allows everyone')
  })
})
