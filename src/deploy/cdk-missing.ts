import { FairleadError } from '../errors.ts'

/** Does what needs CDK, which is installed only where somebody deploys. Throws CDK_MISSING. */
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
