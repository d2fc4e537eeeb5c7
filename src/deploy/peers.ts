import { FairleadError } from '../errors.ts'

/** What a user installs beside fairlead to synthesize and deploy. */
const peers = ['aws-cdk-lib', 'constructs', '@aws-cdk/toolkit-lib']

/** Loads what needs CDK. Throws DEPLOY_PEERS, which names what is not installed. */
export async function withPeers<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load()
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const missing = peers.find((name) => new RegExp(`['"]${name}['"/]`).test(message ?? ''))
    if (code !== 'ERR_MODULE_NOT_FOUND' || !missing) throw error
    throw new FairleadError('DEPLOY_PEERS', `${missing} is not installed`, { cause: error })
  }
}
