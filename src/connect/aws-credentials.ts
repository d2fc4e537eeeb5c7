import type { Credentials } from '../auth/sigv4/credentials.ts'
import { FairleadError } from '../errors.ts'
import { quoted } from '../http/quoted.ts'

/** Credentials that are looked up when they are needed, and anew when they have ended. */
export interface AwsCredentials {
  /** Throws CREDENTIALS_MISSING. */
  get(): Promise<Credentials>
  /** Forgets what was looked up: the endpoint says that it has ended. */
  renew(): void
  /** What a person does when there are none, or when they have ended. */
  fix(why?: string): string
}

/**
 * Reads credentials from the standard AWS chain: environment, profile, SSO, process, container, instance. The chain is
 * loaded with the first request, and files are read anew after `renew`, so that `aws sso login` helps a proxy that runs.
 */
export function awsCredentials(options: { profile?: string; env?: NodeJS.ProcessEnv } = {}): AwsCredentials {
  const { env = process.env } = options
  const profile = options.profile ?? env.AWS_PROFILE
  let chain: (() => Promise<Credentials>) | undefined
  const name = profile === undefined ? '' : ` --profile ${profile}`
  const fix = (why = '') =>
    /sso/i.test(why) ? `aws sso login${name}` : /login/i.test(why) ? `aws login${name}` : `aws configure${name}`
  return {
    async get() {
      const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN: sessionToken } = env // prettier-ignore
      // The chain takes these first as well; so it need not be loaded.
      if (profile === undefined && accessKeyId && secretAccessKey)
        return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
      try {
        chain ??= await loadChain(profile)
        return await chain()
      } catch (error) {
        chain = undefined
        const why = quoted((error as Error).message)
        throw new FairleadError('CREDENTIALS_MISSING', `There are no AWS credentials${profile === undefined ? '' : ` for the profile ${profile}`}`, { why, fix: fix(why), cause: error }) // prettier-ignore
      }
    },
    renew: () => (chain = undefined),
    fix,
  }
}

async function loadChain(profile: string | undefined): Promise<() => Promise<Credentials>> {
  const { defaultProvider } = await import('@aws-sdk/credential-provider-node')
  const provider = defaultProvider({ ignoreCache: true, ...(profile === undefined ? {} : { profile }) })
  return async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await provider()
    return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) }
  }
}
