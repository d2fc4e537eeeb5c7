import type { Toolkit } from '@aws-cdk/toolkit-lib'
import { orMissing } from './cdk-missing.ts'
import { openAws, type OpenAws, type OpenAwsOptions } from './toolkit-clients.ts'

export type ToolkitLibrary = typeof import('@aws-cdk/toolkit-lib')

/** CDK's toolkit, as the caller and in the region of the clients. */
export interface OpenToolkit extends OpenAws {
  library: ToolkitLibrary
  toolkit: Toolkit
}

/** What a toolkit says and asks: its own shape of it. */
export type ToolkitHost = NonNullable<NonNullable<ConstructorParameters<typeof Toolkit>[0]>['ioHost']>

/** Opens AWS, and CDK's toolkit library with the same credentials. Throws CDK_MISSING. */
export async function openToolkit({ host, ...options }: OpenAwsOptions & { host: ToolkitHost }): Promise<OpenToolkit> {
  const library = await orMissing(() => import('@aws-cdk/toolkit-lib'))
  const aws = await openAws(options)
  const baseCredentials = library.BaseCredentials.custom({ provider: aws.credentials, region: aws.region })
  const toolkit = new library.Toolkit({ ioHost: host, color: false, emojis: false, sdkConfig: { baseCredentials } })
  return { ...aws, library, toolkit }
}
