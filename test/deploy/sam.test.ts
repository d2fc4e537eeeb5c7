import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { writeSam, type SamTemplate } from '../../src/deploy/sam.ts'
import { lintTemplate } from '../../src/doctor/template.ts'
import { cfnLint } from './support/cfn-lint.ts'
import { agent, openWorkshop, place, type Workshop } from './support/synth.ts'

let workshop: Workshop
let sam: SamTemplate
let python: SamTemplate

beforeAll(async () => {
  workshop = await openWorkshop()
  const rest = { environment: 'prod', ...place, platforms: ['lambda' as const] }
  const { project, artifacts } = workshop
  const config = { ...project.config, callers: [agent] }
  sam = writeSam({ ...rest, project: { ...project, config }, artifacts }, join(workshop.dir, 'sam'))
  python = writeSam({ ...rest, ...workshop.python }, join(workshop.dir, 'sam-python'))
}, 60_000)
afterAll(() => workshop.close())

const resources = ({ template }: SamTemplate, type: string) =>
  Object.values(template.Resources).filter(({ Type }) => Type === type)

it('the page for Terraform has the same function, URL and statements', () => {
  const page = readFileSync(new URL('../../docs/sam-terraform.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ')
  const [fn] = resources(sam, 'AWS::Serverless::Function')
  const { Handler, Runtime, MemorySize, Timeout } = fn!.Properties as Record<string, unknown>
  const said = { handler: Handler, runtime: Runtime, memory_size: MemorySize, timeout: Timeout, authorization_type: 'AWS_IAM', invoke_mode: 'RESPONSE_STREAM', function_url_auth_type: 'AWS_IAM', invoked_via_function_url: true, FAIRLEAD_PLATFORM: 'lambda' } // prettier-ignore
  for (const [name, value] of Object.entries(said)) expect(page).toContain(`${name} = ${JSON.stringify(value)}`)
})

describe('the template of AWS SAM', () => {
  it('is in YAML what was made, with the artifact beside it', () => {
    expect(parse(readFileSync(join(sam.dir, 'template.yaml'), 'utf8'))).toEqual(sam.template)
    for (const { name } of workshop.artifacts.server.files)
      expect(readFileSync(join(sam.dir, 'server', name))).toEqual(
        readFileSync(join(workshop.artifacts.server.dir, name)),
      )
  })

  it('has IAM unless the parameter says that the server verifies tokens', () => {
    const { AuthType } = sam.template.Parameters as { AuthType: unknown }
    expect(AuthType).toMatchObject({ Default: 'AWS_IAM', AllowedValues: ['AWS_IAM', 'NONE'] })
    expect(resources(sam, 'AWS::Lambda::Url')).toMatchObject([
      { Properties: { AuthType: { Ref: 'AuthType' }, InvokeMode: 'RESPONSE_STREAM' } },
    ])
  })

  it('lets the callers in with IAM, and everyone with NONE, by two statements each', () => {
    const permissions = resources(sam, 'AWS::Lambda::Permission').map(({ Condition, Properties }) => {
      const { FunctionName: _, ...rest } = Properties
      return { Condition, ...rest }
    })
    expect(permissions).toEqual([
      { Condition: 'Iam', Action: 'lambda:InvokeFunctionUrl', Principal: agent, FunctionUrlAuthType: 'AWS_IAM' },
      { Condition: 'Iam', Action: 'lambda:InvokeFunction', Principal: agent, InvokedViaFunctionUrl: true },
      { Condition: 'Oauth', Action: 'lambda:InvokeFunctionUrl', Principal: '*', FunctionUrlAuthType: 'NONE' },
      { Condition: 'Oauth', Action: 'lambda:InvokeFunction', Principal: '*', InvokedViaFunctionUrl: true },
    ])
  })

  it('is refused by CloudFormation with NONE and nobody whose tokens are taken', () => {
    expect(JSON.stringify(sam.template.Rules)).toContain('With AuthType NONE the parameter Issuer is needed')
    const [fn] = resources(sam, 'AWS::Serverless::Function')
    expect(fn!.Properties.Environment).toMatchObject({
      Variables: {
        FAIRLEAD_OAUTH: {
          'Fn::If': [
            'Oauth',
            { 'Fn::Sub': '{"resource":"${PublicUrl}","issuer":"${Issuer}"}' },
            { Ref: 'AWS::NoValue' },
          ],
        },
      },
    })
  })

  it('is built already, which sam build is told', () => {
    for (const each of [sam, python])
      expect(resources(each, 'AWS::Serverless::Function')).toMatchObject([{ Metadata: { SkipBuild: true } }])
  })

  it('brings the guard along, so that it can be switched on', () => {
    expect(readFileSync(join(sam.dir, 'server/index.js'), 'utf8')).toContain('FAIRLEAD_OAUTH')
  })

  it('in Python has the Lambda Web Adapter of the region, and IAM alone', () => {
    expect(python.template.Parameters).toMatchObject({ AuthType: { AllowedValues: ['AWS_IAM'] } })
    expect(resources(python, 'AWS::Serverless::Function')).toMatchObject([
      {
        Properties: {
          Runtime: 'python3.13',
          Handler: 'run.sh',
          Environment: { Variables: { AWS_LWA_PORT: '8081', PORT: '8080' } },
          Layers: [{ 'Fn::Sub': 'arn:aws:lambda:${AWS::Region}:753240598075:layer:LambdaAdapterLayerArm64:30' }],
        },
      },
    ])
    expect(resources(python, 'AWS::Lambda::Permission').map(({ Properties }) => Properties.Principal)).toEqual([
      agent,
      agent,
    ])
  })

  it('has no fault that doctor knows', () => {
    for (const each of [sam, python]) expect(lintTemplate(JSON.stringify(each.template))).toEqual([])
  })

  it.skipIf(!cfnLint.there)(
    `has no finding of cfn-lint${cfnLint.note}`,
    () => {
      for (const { dir } of [sam, python]) {
        const { stdout } = spawnSync(cfnLint.command, ['-t', join(dir, 'template.yaml')], { encoding: 'utf8' })
        expect(stdout).toBe('')
      }
    },
    60_000,
  )
})
