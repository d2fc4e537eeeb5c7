import { FairleadError } from '../errors.ts'

/** What may be granted: a role, a user or the root of an account, by ARN, or an account by its number. */
const arn = /^arn:(aws|aws-cn|aws-us-gov|aws-eusc):(?:iam::\d{12}:(?:role|user)\/[\w+=,.@/-]{1,512}|iam::\d{12}:root)$/

/** Checks a principal. An account's number becomes the ARN of its root. Throws PRINCIPAL_INVALID. */
export function principalOf(given: string): string {
  if (/^\d{12}$/.test(given)) return `arn:aws:iam::${given}:root`
  if (arn.test(given)) return given
  const session = /^arn:(aws[\w-]*):sts::(\d{12}):assumed-role\/([^/]+)\//.exec(given)
  if (session)
    throw new FairleadError('PRINCIPAL_INVALID', 'A session of a role cannot be granted, its role can', {
      fix: `fairlead grant arn:${session[1]}:iam::${session[2]}:role/${session[3]}`,
    })
  throw new FairleadError('PRINCIPAL_INVALID', `${JSON.stringify(given.slice(0, 200))} is not an IAM principal`)
}
