import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { buildGateway, gatewayNodeOptions } from '../../src/build/agentcore-gateway.ts'
import { startServer, type BenchServer } from './child.ts'

const schema = {
  type: 'object',
  required: ['text'],
  properties: { text: { type: 'string', minLength: 1 }, n: { type: 'integer' } },
}
const document = {
  openapi: '3.0.3',
  info: { title: 'API', version: '1' },
  servers: [{ url: 'https://api.example.com' }],
  paths: {
    '/echo/{id}': {
      post: {
        operationId: 'echo',
        parameters: [{ name: 'id', in: 'path', required: true, schema: { type: 'string' } }],
        requestBody: { required: true, content: { 'application/json': { schema } } },
        responses: { 200: { description: 'OK' } },
      },
    },
  },
}

export const documentText = JSON.stringify(document)

const echo = 'action == AgentCore::Action::"api___echo", resource == AgentCore::Gateway::"${GatewayArn}"'
const roles = ['admin', 'clerk', 'support', 'audit', 'bot', 'sales']

/** Ten policies, each of which applies to the call: by tags, by arguments, what permits and what forbids. */
export const policiesText = [
  `permit(principal is AgentCore::OAuthUser, ${echo})\nwhen { context.input.text like "*" };`,
  ...roles.map(
    (role) =>
      `permit(principal is AgentCore::OAuthUser, ${echo})\nwhen { principal.hasTag("role") && principal.getTag("role") == "${role}" };`,
  ),
  `forbid(principal, ${echo}) when { context.input has n && context.input.n > 1000 };`,
  `forbid(principal, ${echo}) when { context.input.id == "secret" || context.input.text like "*password*" };`,
  `forbid(principal, action, resource is AgentCore::Gateway) unless { principal is AgentCore::OAuthUser };`,
].join('\n\n')

const discoveryUrl = 'https://issuer.example.com/.well-known/openid-configuration'
const targets = {
  api: { openApiSchema: { inlinePayload: documentText } },
  mcp: { mcpServer: { endpoint: 'https://api.example.com/mcp' } },
  github: { openApiSchema: { s3: { uri: 's3://bench/github.json' } } },
}

export interface ArtifactOptions {
  target: keyof typeof targets
  /** Where api.example.com is. */
  upstream?: string
  /** Where the issuer of tokens is; nobody has to show one when absent. */
  issuer?: string
  /** Ten Cedar policies judge each call. */
  policies?: boolean
  /** The document of `github`. */
  document?: string
  /** As its platform runs it when absent. */
  execArgv?: string[]
}

/** Builds a gateway as `deploy` does, and runs the artifact in a process of its own. */
export async function startArtifact(options: ArtifactOptions): Promise<BenchServer> {
  const { target, upstream, issuer, execArgv = [gatewayNodeOptions] } = options
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-bench-'))
  const authorizer = issuer
    ? {
        authorizerType: 'CUSTOM_JWT',
        authorizerConfiguration: { customJWTAuthorizer: { discoveryUrl, allowedAudience: ['bench'] } },
      }
    : { authorizerType: 'NONE' }
  const files = {
    'gateway.json': { name: 'bench', roleArn: 'arn:aws:iam::111122223333:role/gateway', ...authorizer },
    'target.json': { name: target, targetConfiguration: { mcp: targets[target] } },
    'bindings.json': { s3: { 's3://bench/github.json': './github.json' } },
  }
  for (const [name, content] of Object.entries(files)) writeFileSync(join(dir, name), JSON.stringify(content))
  if (options.document) copyFileSync(options.document, join(dir, 'github.json'))
  if (options.policies) writeFileSync(join(dir, 'bench.cedar'), policiesText)
  const gateway = {
    gateway: 'gateway.json',
    targets: ['target.json'],
    bindings: 'bindings.json',
    ...(options.policies ? { policies: ['bench.cedar'] } : {}),
  }
  const config = { name: 'bench', platforms: { 'agentcore-gateway': gateway } }
  const outDir = join(dir, 'out')
  mkdirSync(dirname(outDir), { recursive: true })
  await buildGateway({ projectDir: dir, config, outDir })
  const place = {
    resource: 'http://127.0.0.1/mcp',
    ...(upstream ? { endpoints: { 'https://api.example.com': upstream } } : {}),
    ...(issuer ? { discoveryUrls: { [discoveryUrl]: `${issuer}/.well-known/openid-configuration` } } : {}),
  }
  const env = { HOST: '127.0.0.1', PORT: '0', AWS_REGION: 'us-east-1', FAIRLEAD_GATEWAY: JSON.stringify(place) }
  const index = pathToFileURL(join(outDir, 'index.js')).href
  const server = await startServer('gateway', 'gateway-artifact.mjs', [index], { env, execArgv })
  return {
    ...server,
    stop: async () => {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
