import type { Parameters } from './answers.ts'
import { sameSecret } from './same-secret.ts'
import type { Pool, PoolClient } from './pool.ts'

/**
 * Finds the client of a request to the token or revocation endpoint: client_secret_basic or client_secret_post for one
 * with a secret, `client_id` alone for a public one. Undefined: invalid_client.
 */
export function authenticateClient(pool: Pool, request: Request, form: Parameters): PoolClient | undefined {
  const presented = basic(request.headers.get('authorization')) ?? {
    id: form.get('client_id'),
    secret: form.get('client_secret'),
  }
  if (form.get('client_id') !== undefined && form.get('client_id') !== presented.id) return undefined
  const client = pool.clients.get(presented.id ?? '')
  if (!client) return undefined
  if (client.clientSecret === undefined) return presented.secret ? undefined : client
  return sameSecret(presented.secret ?? '', client.clientSecret) ? client : undefined
}

function basic(header: string | null): { id: string | undefined; secret: string | undefined } | undefined {
  if (header === null) return undefined
  const [, encoded] = /^basic ([\w+/=-]+)$/i.exec(header) ?? []
  const [, id, secret] = /^([^:]*):(.*)$/s.exec(Buffer.from(encoded ?? '', 'base64').toString('utf8')) ?? []
  return { id: formDecoded(id), secret: formDecoded(secret) }
}

/** RFC 6749 §2.3.1 encodes both halves as forms do. */
function formDecoded(text: string | undefined): string | undefined {
  try {
    return text === undefined ? undefined : decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}
