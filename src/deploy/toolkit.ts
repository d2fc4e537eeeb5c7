import type { Toolkit } from '@aws-cdk/toolkit-lib'
import { FairleadError } from '../errors.ts'
import { awsClients, type AwsClients, type CredentialSource } from './toolkit-clients.ts'

export type ToolkitLibrary = typeof import('@aws-cdk/toolkit-lib')

/** CDK's toolkit with the credentials and the region that everything uses. */
export interface OpenToolkit {
  library: ToolkitLibrary
  toolkit: Toolkit
  credentials: CredentialSource
  region: string
  clients: AwsClients
}

/** What a toolkit says and asks: its own shape of it. */
export type ToolkitHost = NonNullable<NonNullable<ConstructorParameters<typeof Toolkit>[0]>['ioHost']>

export interface OpenOptions {
  profile?: string
  /** Absent: what the environment or the profile says. */
  region?: string
  host: ToolkitHost
}

/** Loads CDK's toolkit library, which is there only where somebody deploys. Throws CDK_MISSING. */
export async function loadToolkit(): Promise<ToolkitLibrary> {
  return orMissing(() => import('@aws-cdk/toolkit-lib'))
}

/** Does what needs CDK. Throws CDK_MISSING when a part of it is not installed. */
export async function orMissing<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error
    const [, name] = /Cannot find package '([^']+)'/.exec((error as Error).message) ?? []
    if (!name || !/^(aws-cdk-lib|constructs|@aws-cdk\/)/.test(name)) throw error
    throw new FairleadError('CDK_MISSING', `${name} is not installed`, { cause: error })
  }
}

/**
 * Opens the toolkit with the standard chain of credentials: environment, profile, SSO, process, container, instance. The
 * chain is not asked yet. AWS_ENDPOINT_URL is honoured, as by every AWS SDK.
 */
export async function openToolkit({ profile, region, host }: OpenOptions): Promise<OpenToolkit> {
  const library = await loadToolkit()
  const { BaseCredentials, Toolkit } = library
  const chain = await BaseCredentials.awsCliCompatible({
    ...(profile === undefined ? {} : { profile }),
    ...(region === undefined ? {} : { defaultRegion: region }),
  }).sdkBaseConfig(forCredentials(host), {})
  const chosen = region ?? chain.defaultRegion ?? 'us-east-1'
  const provider = chain.credentialProvider
  const toolkit = new Toolkit({
    ioHost: host,
    color: false,
    emojis: false,
    sdkConfig: { baseCredentials: BaseCredentials.custom({ provider, region: chosen }) },
  })
  const credentials: CredentialSource = () => Promise.resolve(provider()) as ReturnType<CredentialSource>
  return { library, toolkit, credentials, region: chosen, clients: awsClients(credentials, chosen) }
}

/** The chain asks for the code of an MFA device in the name of no action. */
function forCredentials(host: ToolkitHost): {
  notify: (message: object) => Promise<void>
  requestResponse: <T>(message: object) => Promise<T>
} {
  return {
    notify: (message) => host.notify({ ...message, action: 'deploy' } as Parameters<ToolkitHost['notify']>[0]),
    requestResponse: <T>(message: object) =>
      host.requestResponse<T>({ ...message, action: 'deploy' } as Parameters<typeof host.requestResponse<T>>[0]),
  }
}
