import { FairleadError } from '../errors.ts'
import { quoted } from '../http/quoted.ts'
import { hintFor, longestReason } from './failure-hints.ts'

interface Named {
  name?: unknown
  code?: unknown
  message?: string
  /** Of `openAws`: whose credentials were looked for. */
  profile?: string
  cause?: unknown
  errors?: unknown
  environment?: { account: string; region: string }
}

/** The names that AWS's services and its SDK give to what is the same for a person. */
const kinds: readonly (readonly [RegExp, (error: Named, all: readonly Named[]) => FairleadError])[] = [
  [
    /^(ExpiredToken|ExpiredTokenException|RequestExpired|AssumeRoleExpiredToken|TokenRefreshRequired)$/,
    () =>
      new FairleadError('CREDENTIALS_EXPIRED', 'The AWS credentials have ended', {
        why: 'AWS says so, and the chain gave no newer ones. What CloudFormation has begun it goes on with.',
        fix: process.env.AWS_SESSION_TOKEN
          ? 'They are those of AWS_SESSION_TOKEN in the environment: set newer ones, or unset them and sign in (aws sso login). Then run the same command again: it goes on from there.'
          : 'Sign in again (aws sso login), then run the same command again: it goes on from there.',
      }),
  ],
  [
    /^(CredentialsProviderError|NoCredentials|UnresolvedAccount|NoBaseCredentials)$/,
    (error) => signIn(error) ?? new FairleadError('CREDENTIALS_MISSING', 'There are no AWS credentials', { why: quoted(error.message ?? 'The standard AWS chain gave none.') }), // prettier-ignore
  ],
  [
    /^(InvalidClientTokenId|UnrecognizedClientException|SignatureDoesNotMatch|InvalidAccessKeyId|AuthFailure|InvalidSignatureException)$/,
    (error) =>
      new FairleadError('CREDENTIALS_MISSING', 'AWS does not know these credentials', {
        why: quoted(error.message ?? ''),
        fix: 'aws sts get-caller-identity says the same; then: aws configure, or --profile NAME',
      }),
  ],
  [
    /^(AccessDenied|AccessDeniedException|UnauthorizedOperation|AssumeRoleFailed|NotAuthorized|UnauthorizedException)$/,
    (error, all) => {
      const text = all.map(({ message }) => String(message)).join(' ')
      const [, action] = /not authorized to perform: ([\w:-]+)/.exec(text) ?? []
      return new FairleadError('AWS_DENIED', action ? `AWS does not allow ${action}` : 'AWS does not allow this', {
        why: quoted(error.message ?? '', longestReason),
        ...(action ? { fix: `Ask for ${action}, or use another profile: --profile NAME` } : {}),
      })
    },
  ],
  [
    /^(Throttling|ThrottlingException|TooManyRequestsException|RequestLimitExceeded|SlowDown)$/,
    (error) => new FairleadError('AWS_THROTTLED', `AWS answers: ${quoted(error.message ?? '')}`),
  ],
  [
    /^(ServiceQuotaExceededException|LimitExceededException|CodeStorageExceededException)$/,
    (error) => new FairleadError('QUOTA_EXCEEDED', quoted(error.message ?? '')),
  ],
  // Of CDK's toolkit, for a program that it calls: Docker is the only one.
  [/^PROCESS_FAILED$/, (error) => new FairleadError('DOCKER_FAILED', quoted(error.message ?? ''))],
]

/** A session that a person begins in a browser: what the SDK says of one that is not there or has ended. */
function signIn({ message = '', profile }: Named): FairleadError | undefined {
  const command = /\bSSO\b/.test(message) ? 'aws sso login' : /\baws login\b|\.aws.login.cache/.test(message) ? 'aws login' : undefined // prettier-ignore
  if (!command) return undefined
  return new FairleadError('CREDENTIALS_EXPIRED', 'The sign-in to AWS has ended, or was never made', {
    why: quoted(message),
    fix: `${command}${profile ? ` --profile ${profile}` : ''}, then run the same command again`,
  })
}

const unreachable = /^(ECONNREFUSED|ENOTFOUND|ECONNRESET|EAI_AGAIN|ETIMEDOUT|EHOSTUNREACH|EPIPE|TimeoutError)$/

/** Turns what CDK's toolkit or an AWS client throws into an error that a person can act on. */
export function asAwsError(thrown: unknown, doing: string): FairleadError {
  if (thrown instanceof FairleadError) return thrown
  const all = chain(thrown)
  const own = all.find((each) => each instanceof FairleadError)
  if (own instanceof FairleadError) return own
  for (const [name, make] of kinds)
    for (const each of all) if (name.test(String(each.name)) || name.test(String(each.code))) return withCause(make(each, all), thrown) // prettier-ignore
  const bootstrap = all.find(({ environment }) => environment?.account !== undefined)
  if (bootstrap?.environment) return withCause(notBootstrapped(bootstrap.environment), thrown)
  const lost = all.find(({ name, code }) => unreachable.test(String(code)) || unreachable.test(String(name)))
  if (lost)
    return new FairleadError('UNREACHABLE', `AWS cannot be reached: ${quoted(String(lost.message))}`, {
      why: 'The connection could not be made, or ended without an answer. What CloudFormation has begun it goes on with.',
      fix: 'Check the network and AWS_ENDPOINT_URL, then run the same command again.',
      cause: thrown,
    })
  const said = quoted(String(all.at(-1)?.message ?? thrown), longestReason)
  const { fix, code = 'DEPLOY_FAILED' } = hintFor(said)
  return new FairleadError(code, `${doing} failed: ${said}`, {
    cause: thrown,
    why: 'CDK, or the service that it asked, says so.',
    ...(fix ? { fix } : {}),
  })
}

/** What to say when CDK's own resources are not there. */
export function notBootstrapped({ account, region }: { account: string; region: string }): FairleadError {
  return new FairleadError('NOT_BOOTSTRAPPED', `Account ${account} is not prepared for CDK in ${region}`, {
    fix: `fairlead deploy --bootstrap, or: npx cdk bootstrap aws://${account}/${region}`,
  })
}

/** An error and everything that it came from. */
function chain(thrown: unknown): Named[] {
  const found: Named[] = []
  for (let at: unknown = thrown; typeof at === 'object' && at !== null && found.length < 10; at = (at as Named).cause) {
    found.push(at)
    const { errors } = at as Named
    if (Array.isArray(errors)) found.push(...(errors as Named[]).flatMap((each) => [each, each.cause as Named]).filter(Boolean)) // prettier-ignore
  }
  return found
}

function withCause(error: FairleadError, cause: unknown): FairleadError {
  const { code, message, why, fix } = error
  return new FairleadError(code, message, { why, fix, cause })
}
