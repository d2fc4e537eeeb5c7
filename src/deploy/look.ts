import { asAwsError } from './aws-error.ts'

/**
 * Looks at what is in the account before anything is touched. Undefined where the caller may not look, since CloudFormation
 * tells it then. Throws what AWS says otherwise, as an error that a person can act on.
 */
export async function look<T>(doing: string, ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask()
  } catch (error) {
    const said = asAwsError(error, doing)
    if (said.code === 'AWS_DENIED') return undefined
    throw said
  }
}
