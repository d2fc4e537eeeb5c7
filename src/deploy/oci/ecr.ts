import { setTimeout as sleep } from 'node:timers/promises'
import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sigv4Fetch } from '../../auth/sigv4/fetch.ts'
import { FairleadError } from '../../errors.ts'
import { quoted, readText } from '../../http/quoted.ts'
import { asAwsError } from '../aws-error.ts'
import { backoff, tries, type RegistryCredentials } from './registry.ts'

/** The host of an account's private registry. @see https://docs.aws.amazon.com/AmazonECR/latest/userguide/Registries.html */
export function ecrRegistry(account: string, region: string): string {
  return `${account}.dkr.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}`
}

/** A call of ECR that it refused, under the name that AWS gave it. */
class EcrRefusal extends Error {
  readonly again: boolean

  constructor(status: number, text: string) {
    const { __type: type = '', message = text } = parsed(text)
    super(quoted(`${status} ${message}`))
    this.name = type.slice(type.indexOf('#') + 1) || 'EcrRefusal'
    this.again = status >= 500 || status === 429 || /Throttling|TooManyRequests/.test(this.name)
  }
}

function parsed(text: string): { __type?: string; message?: string } {
  try {
    return (JSON.parse(text) ?? {}) as { __type?: string; message?: string }
  } catch {
    return {}
  }
}

/**
 * Gives the credentials of ECR: a password that AWS makes for whoever signs the request, good for twelve hours and asked for
 * again a minute before its end. Tries again after throttling, 5xx and a lost connection. Throws what `asAwsError` makes of it.
 * @see https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
 */
export function ecrCredentials(options: {
  region: string
  credentials: Credentials | (() => Promise<Credentials>)
  endpoint?: string
  fetch?: typeof fetch
  now?: () => number
  /** Waits before another try. */
  wait?: (ms: number) => Promise<unknown>
}): () => Promise<RegistryCredentials> {
  const { region, now = Date.now, wait = (ms) => sleep(ms) } = options
  const endpoint =
    options.endpoint ?? `https://api.ecr.${region}.amazonaws.com${region.startsWith('cn-') ? '.cn' : ''}/`
  const ask = sigv4Fetch({ ...options, service: 'ecr', now: () => new Date(now()) })
  let kept: { credentials: RegistryCredentials; until: number } | undefined

  async function once(): Promise<NonNullable<typeof kept>> {
    const response = await ask(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken',
      },
      body: '{}',
    })
    const text = (await readText(response, 64 * 1024)) ?? ''
    if (response.status !== 200) throw new EcrRefusal(response.status, text)
    const { authorizationData: [data] = [] } = parsed(text) as {
      authorizationData?: { authorizationToken: string; expiresAt: number }[]
    }
    if (!data) throw new FairleadError('REGISTRY_DENIED', 'ECR gave no authorization token')
    const [username = '', password = ''] = Buffer.from(data.authorizationToken, 'base64').toString().split(':')
    return { credentials: { username, password }, until: data.expiresAt * 1000 - 60_000 }
  }

  return async () => {
    for (let attempt = 1; !kept || now() >= kept.until; attempt++) {
      try {
        kept = await once()
        break
      } catch (error) {
        const lost = error instanceof TypeError
        if (!(lost || (error instanceof EcrRefusal && error.again)) || attempt >= tries)
          throw asAwsError(error, 'Asking ECR for the password of its registry')
        await wait(backoff(attempt))
      }
    }
    return kept.credentials
  }
}
