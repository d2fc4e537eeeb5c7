import { readFile } from 'node:fs/promises'
import type { Credentials } from '../auth/sigv4/credentials.ts'

/** How long one question to a credentials endpoint may take; it is on this machine. */
const timeoutMs = 2000

/** The hosts that the AWS SDKs accept for AWS_CONTAINER_CREDENTIALS_FULL_URI over plain HTTP: ECS's, EKS's, and loopback. */
const containerHosts = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', '127.0.0.1', 'localhost', '[::1]']

/**
 * Reads the credentials of the role that this process runs as: from the environment (Lambda), from the container endpoint
 * (ECS), or from the metadata service by its version 2 (AgentCore Runtime's microVMs, and EC2). The small part of the SDKs'
 * chain that runs on AWS: a setting is read on start, when the SDK need not be loaded.
 * @see https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/security-credentials-management.html
 */
export async function ownCredentials(env: NodeJS.ProcessEnv): Promise<Credentials> {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env // prettier-ignore
  if (accessKeyId && secretAccessKey) return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
  const container = containerUrl(env)
  if (container) return credentialsOf(await ask(container, await containerHeaders(env)))
  if (env.AWS_EC2_METADATA_DISABLED?.toLowerCase() === 'true') throw new Error('there are no credentials')
  return credentialsOf(await fromMetadataService(env))
}

function containerUrl(env: NodeJS.ProcessEnv): URL | undefined {
  const relative = env.AWS_CONTAINER_CREDENTIALS_RELATIVE_URI
  if (relative !== undefined) return new URL(relative, 'http://169.254.170.2')
  const full = env.AWS_CONTAINER_CREDENTIALS_FULL_URI
  if (full === undefined) return undefined
  const url = new URL(full)
  if (url.protocol !== 'https:' && !containerHosts.includes(url.hostname))
    throw new Error('AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not a container endpoint')
  return url
}

async function containerHeaders(env: NodeJS.ProcessEnv): Promise<Record<string, string>> {
  const file = env.AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE
  const token = file === undefined ? env.AWS_CONTAINER_AUTHORIZATION_TOKEN : (await readFile(file, 'utf8')).trim()
  return token === undefined ? {} : { authorization: token }
}

async function fromMetadataService(env: NodeJS.ProcessEnv): Promise<string> {
  const base = env.AWS_EC2_METADATA_SERVICE_ENDPOINT ?? 'http://169.254.169.254'
  const at = (path: string) => new URL(`/latest/${path}`, base)
  const token = await ask(at('api/token'), { 'x-aws-ec2-metadata-token-ttl-seconds': '60' }, 'PUT')
  const headers = { 'x-aws-ec2-metadata-token': token }
  const [role = ''] = (await ask(at('meta-data/iam/security-credentials/'), headers)).split('\n')
  return ask(at(`meta-data/iam/security-credentials/${encodeURIComponent(role)}`), headers)
}

async function ask(url: URL, headers: Record<string, string>, method = 'GET'): Promise<string> {
  const response = await fetch(url, { method, headers, redirect: 'error', signal: AbortSignal.timeout(timeoutMs) })
  const text = await response.text()
  if (!response.ok) throw new Error(`the credentials endpoint answered ${response.status}`)
  return text
}

function credentialsOf(text: string): Credentials {
  const { AccessKeyId, SecretAccessKey, Token } = JSON.parse(text) as Record<string, unknown>
  if (typeof AccessKeyId !== 'string' || typeof SecretAccessKey !== 'string')
    throw new Error('the credentials endpoint gave no credentials')
  return {
    accessKeyId: AccessKeyId,
    secretAccessKey: SecretAccessKey,
    ...(typeof Token === 'string' ? { sessionToken: Token } : {}),
  }
}
