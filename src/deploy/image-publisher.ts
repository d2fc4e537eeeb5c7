import { asAwsError } from './aws-error.ts'
import type { Place } from './preflight.ts'
import type { CredentialSource, OpenAws } from './toolkit-clients.ts'

/** A minute before their end, credentials are taken anew. */
const spareMs = 60_000

/**
 * Gives the credentials that images are pushed with: those of the role that CDK's bootstrap made for it, as CDK's toolkit
 * takes on for Docker, so that who deploys needs no right of their own in ECR; the caller's, where they may not take it on.
 * @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html (ImagePublishingRole, read 2026-11-25)
 */
export function imagePublisher(
  { clients, credentials }: OpenAws,
  { account, region, caller }: Place,
): CredentialSource {
  const [, partition = 'aws'] = caller.split(':')
  const RoleArn = `arn:${partition}:iam::${account}:role/cdk-hnb659fds-image-publishing-role-${account}-${region}`
  let taken: Awaited<ReturnType<CredentialSource>> | undefined
  let isOwn = false
  return async () => {
    if (isOwn) return credentials()
    if (taken && taken.expiration!.getTime() - spareMs > Date.now()) return taken
    try {
      const { Credentials: made } = await clients('sts').assumeRole({ RoleArn, RoleSessionName: 'fairlead' })
      taken = {
        accessKeyId: made!.AccessKeyId!,
        secretAccessKey: made!.SecretAccessKey!,
        sessionToken: made!.SessionToken!,
        expiration: made!.Expiration!,
      }
      return taken
    } catch (thrown) {
      const error = asAwsError(thrown, 'Taking on the role that pushes images')
      if (error.code !== 'AWS_DENIED') throw error
      isOwn = true
      return credentials()
    }
  }
}
