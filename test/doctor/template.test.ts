import { describe, expect, it } from 'vitest'
import { lintTemplate, templateRules } from '../../src/doctor/template.ts'
import { FairleadError } from '../../src/errors.ts'
import { breakTemplate, goodTemplate } from '../faults/templates.ts'

const ids = (text: string) => lintTemplate(text).map(({ id, resource }) => `${id} ${resource}`)
const refusal = (text: string) => {
  try {
    lintTemplate(text)
    return 'nothing'
  } catch (error) {
    return error instanceof FairleadError ? `${error.code}: ${error.message}` : String(error)
  }
}
/** Of this process, in milliseconds: others may be busy. */
const cpuMs = () => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1000
}

describe('a template', () => {
  it.each(Object.keys(templateRules) as (keyof typeof templateRules)[])(
    'has one fault, and that is named: %s',
    (id) => {
      const template = goodTemplate()
      expect(lintTemplate(JSON.stringify(template))).toEqual([])
      breakTemplate[id](template.Resources)
      expect(lintTemplate(JSON.stringify(template)).map((each) => each.id)).toEqual([id])
    },
  )

  it('is read as YAML with the short forms of CloudFormation', () => {
    const yaml = (more: string) => `
AWSTemplateFormatVersion: 2010-09-09
Parameters:
  Mode: { Type: String, Default: RESPONSE_STREAM }
  Role: { Type: String }
Resources:
  Fn:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: nodejs24.x
      Timeout: !If [Long, 60, 30]
      Environment: { Variables: { TABLE: !Sub "\${AWS::StackName}-table" } }
  Url:
    Type: AWS::Lambda::Url
    Properties: { AuthType: AWS_IAM, TargetFunctionArn: !GetAtt Fn.Arn, InvokeMode: !Ref Mode }
  UrlGrant:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !GetAtt Fn.Arn, Principal: !Ref Role, Action: lambda:InvokeFunctionUrl }
${more}`
    const grant = `
  InvokeGrant:
    Type: AWS::Lambda::Permission
    Properties:
      FunctionName: !GetAtt
        - Fn
        - Arn
      Principal: !Ref Role
      Action: lambda:InvokeFunction
      InvokedViaFunctionUrl: "true"`
    expect(ids(yaml(grant))).toEqual([])
    expect(ids(yaml(''))).toEqual(['invoke-grant-missing UrlGrant'])
    expect(ids(yaml(grant).replace('Default: RESPONSE_STREAM', 'Default: BUFFERED'))).toEqual(['url-buffered Url'])
    // A parameter without a default is decided when the stack is made.
    expect(ids(yaml(grant).replace(', Default: RESPONSE_STREAM', ''))).toEqual([])
  })

  it('gives the same findings in YAML as in JSON', () => {
    const template = goodTemplate()
    breakTemplate['url-buffered'](template.Resources)
    breakTemplate['runtime-name'](template.Resources)
    const json = JSON.stringify(template)
    // JSON is YAML; a comment before it keeps it from being read as JSON.
    expect(ids(`# as YAML\n${json}`)).toEqual(ids(json))
  })

  it('repeats what an alias names', () => {
    const yaml = `
Resources:
  A: { Type: AWS::Lambda::Url, Properties: &url { AuthType: NONE, InvokeMode: RESPONSE_STREAM } }
  B: { Type: AWS::Lambda::Url, Properties: *url }`
    expect(ids(yaml)).toEqual(['url-open A', 'url-open B'])
  })
})

describe('a load balancer behind a VPC origin', () => {
  const template = (more: object) => {
    const { Resources } = goodTemplate()
    Object.assign(Resources.Balancer!.Properties, { Scheme: 'internal' })
    Object.assign(Resources.Listener!.Properties, { Protocol: 'HTTP', LoadBalancerArn: { Ref: 'Balancer' } })
    return JSON.stringify({ Resources: { ...Resources, ...more } })
  }
  const origin = (arn: unknown) => ({
    Origin: { Type: 'AWS::CloudFront::VpcOrigin', Properties: { VpcOriginEndpointConfig: { Arn: arn } } },
  })

  it('may take plain HTTP, and another may not', () => {
    expect(ids(template(origin({ Ref: 'Balancer' })))).toEqual([])
    expect(ids(template(origin({ Ref: 'Other' })))).toEqual(['alb-http Listener'])
    expect(ids(template({}))).toEqual(['alb-http Listener'])
  })

  it('answers to any name, so that CloudFront may forward the viewer’s', () => {
    const withHost = (origins: object[]) => {
      const good = goodTemplate()
      breakTemplate['cloudfront-host'](good.Resources)
      const { DistributionConfig } = good.Resources.Distribution!.Properties as {
        DistributionConfig: { Origins: unknown }
      }
      DistributionConfig.Origins = origins
      return ids(JSON.stringify(good))
    }
    expect(withHost([{ VpcOriginConfig: { OriginReadTimeout: 120 } }])).toEqual([])
    expect(withHost([{ VpcOriginConfig: {} }])).toEqual(['cloudfront-timeout-short Distribution'])
    expect(withHost([{ CustomOriginConfig: { OriginReadTimeout: 120 } }])).toEqual(['cloudfront-host Distribution'])
  })
})

describe('a hostile template', () => {
  const bomb = `a0: &a0 [x, x, x, x, x, x, x, x, x]\n${Array.from({ length: 9 }, (_, n) => `a${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join()}]`).join('\n')}\nResources: { A: *a9 }`
  it.each([
    ['an alias bomb', bomb, 'aliases repeat too much'],
    ['an alias of itself', 'Resources: &r\n  A: *r', 'TEMPLATE_UNREADABLE'],
    ['10 MB', `Resources:\n${'  A: {}\n'.repeat(1_250_000)}`, 'larger than 1 MB'],
    ['a million brackets', `a: ${'['.repeat(1_000_000)}`, 'nests deeper'],
    ['half a million dashes', '- '.repeat(500_000), 'nests deeper'],
    ['indents for ever', Array.from({ length: 1000 }, (_, n) => `${' '.repeat(n)}a:`).join('\n'), 'nests deeper'],
    ['JSON that nests', `{"Resources":${'{"a":'.repeat(100_000)}1${'}'.repeat(100_001)}`, 'nests deeper'],
    ['300,000 aliases', `a: &a x\nb: [${'*a,'.repeat(300_000)}]`, 'aliases repeat too much'],
    ['100,000 tags', '!a '.repeat(100_000), 'not YAML'],
    ['an anchor that is nowhere', 'Resources: { A: *b }', 'TEMPLATE_UNREADABLE'],
    ['no template', 'hello', 'no Resources'],
    ['broken YAML', 'Resources: {A: [}', 'not YAML'],
    ['a text that is cut', '{"Resources":{"A":{"Type"', 'not JSON'],
    ['nothing', '', 'no Resources'],
    ['names of Object', 'Resources: { __proto__: { Type: AWS::Lambda::Url }, constructor: 5, A: null }', 'nothing'],
    ['tags of other languages', 'Resources: { A: !!js/function "() => 1", B: !<tag:x,2000:y> 1 }', 'nothing'],
    ['50,000 keys of one name', `Resources:\n${'  A: 1\n'.repeat(50_000)}`, 'nothing'],
  ])('is refused, or read without harm, in time: %s', (_name, text, said) => {
    const began = cpuMs()
    expect(refusal(text)).toContain(said)
    expect(cpuMs() - began).toBeLessThan(10_000)
  })
})
