import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { App, Stack } from 'aws-cdk-lib'
import { AccountRootPrincipal, Role } from 'aws-cdk-lib/aws-iam'
import { LambdaMcpServer } from 'fairlead/cdk'
import { afterAll, describe, expect, it } from 'vitest'
import type { Template } from '../../src/deploy/app.ts'

const artifact = mkdtempSync(join(tmpdir(), 'fairlead-foreign-'))
writeFileSync(join(artifact, 'index.js'), 'export const handler = () => {}\n')
afterAll(() => rmSync(artifact, { recursive: true }))

const config = {
  name: 'demo',
  server: { kind: 'module' as const, entry: './server.ts' },
  platforms: { lambda: {} },
}

/** As `import { LambdaMcpServer } from 'fairlead/cdk'` has it for who has a CDK app: the package, and not its sources. */
describe('a construct in an app of one’s own', () => {
  it('is made in a stack of any account, and lets a role of the stack in', () => {
    const app = new App()
    const stack = new Stack(app, 'Theirs')
    const server = new LambdaMcpServer(stack, 'Mcp', { config, artifact })
    const [one, two] = ['One', 'Two'].map((id) => new Role(stack, id, { assumedBy: new AccountRootPrincipal() }))
    for (const role of [one!, two!, one!]) server.grantInvoke(role.roleArn)
    const { Resources } = app.synth().getStackByName('Theirs').template as Template
    const permissions = Object.values(Resources).filter(({ Type }) => Type === 'AWS::Lambda::Permission')
    expect(permissions.map(({ Properties }) => [Properties!.Action, Properties!.Principal])).toEqual(
      [one!, two!].flatMap((role) => {
        const principal = stack.resolve(role.roleArn) as unknown
        return [
          ['lambda:InvokeFunctionUrl', principal],
          ['lambda:InvokeFunction', principal],
        ]
      }),
    )
    expect(stack.resolve(server.url)).toMatchObject({
      'Fn::Join': ['', [{ 'Fn::GetAtt': expect.anything() as unknown }, 'mcp']],
    })
  })

  it('says what is missing', () => {
    const stack = new Stack(new App(), 'Theirs')
    const oauth = { ...config, platforms: { lambda: { auth: 'oauth' as const } } }
    expect(() => new LambdaMcpServer(stack, 'Mcp', { config: oauth, artifact })).toThrow('`authorization` is missing')
  })
})
