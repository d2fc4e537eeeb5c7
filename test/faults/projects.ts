import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { copyProject, startDev } from '../cli/support.ts'
import { Stack } from './stack.ts'

const server = `
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
export default () => {
  const server = new McpServer({ name: 'matrix', version: '1.0.0' })
  const inputSchema = z.object({ text: z.string() })
  server.registerTool('echo', { description: 'Says it again.', inputSchema }, async ({ text }) => ({ content: [{ type: 'text', text }] }))
  return server
}
`
const gateway = `'agentcore-gateway': { gateway: './gateway.json', targets: ['./target.json'], bindings: './bindings.json' }`
const configs = {
  /** All four platforms; the gateway takes tokens. */
  all: `export default {
  name: 'matrix', server: { kind: 'module', entry: './server.ts' },
  scopes: { read: { description: 'Read', groups: ['readers'] } }, baseScopes: ['read'],
  platforms: { lambda: {}, fargate: { tasks: 1 }, 'agentcore-runtime': {}, ${gateway} },
}`,
  /** A gateway alone, which takes signatures. */
  signed: `export default { name: 'matrix', platforms: { ${gateway} } }`,
}

const handler = `export const handler = async (event) => ({ echo: event.text ?? null })`
const discoveryUrl = 'https://auth.example.com/.well-known/openid-configuration'
const audience = 'https://tools.example.com/mcp'
const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:matrix'
const definition = (authorizer: object) => ({
  name: 'matrix',
  roleArn: 'arn:aws:iam::000000000000:role/matrix-gateway',
  protocolType: 'MCP',
  ...authorizer,
})
const jwt = {
  authorizerType: 'CUSTOM_JWT',
  authorizerConfiguration: {
    customJWTAuthorizer: { discoveryUrl, allowedAudience: [audience], allowedScopes: ['matrix/read'] },
  },
}
const target = {
  name: 'matrix',
  targetConfiguration: {
    mcp: {
      lambda: {
        lambdaArn: functionArn,
        toolSchema: {
          inlinePayload: [
            {
              name: 'echo',
              description: 'Says it again.',
              inputSchema: { type: 'object', properties: { text: { type: 'string' } } },
            },
          ],
        },
      },
    },
  },
  credentialProviderConfigurations: [{ credentialProviderType: 'GATEWAY_IAM_ROLE' }],
}
const bindings = { functions: { [functionArn]: { handler: './fn.mjs' } } }

/** Starts one of the projects that faults are injected into. */
export async function startProject(kind: keyof typeof configs): Promise<{ stack: Stack; close(): Promise<void> }> {
  const project = await copyProject('none')
  const isAll = kind === 'all'
  const files = {
    'server.ts': server,
    'fairlead.config.ts': configs[kind],
    'fn.mjs': handler,
    'gateway.json': JSON.stringify(definition(isAll ? jwt : { authorizerType: 'AWS_IAM' })),
    'target.json': JSON.stringify(target),
    'bindings.json': JSON.stringify({
      ...bindings,
      ...(isAll ? { discoveryUrls: { [discoveryUrl]: 'authorization-service' }, audience } : {}),
    }),
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(project.dir, name), text)
  try {
    const dev = await startDev(project.dir)
    const close = async () => {
      await dev.stop()
      await project.remove()
    }
    return { stack: new Stack(dev.state, project.dir), close }
  } catch (error) {
    await project.remove()
    throw error
  }
}
