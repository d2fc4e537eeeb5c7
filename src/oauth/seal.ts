import { createCipheriv, createDecipheriv, createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'

/** Keys for each use, all derived from the one secret of the service. */
export interface Seal {
  /** Encrypts a JSON value. It opens again only under the same `use` and the same `bound` text. */
  seal(use: string, value: unknown, bound: string): string
  /** Decrypts what `seal` made; undefined when it was changed, or made for something else. */
  open(use: string, sealed: string, bound: string): unknown
  mac(use: string, text: string): string
}

/**
 * Derives the service's keys with HKDF-SHA256 and seals with AES-256-GCM. What it is bound to is part of the key's name,
 * so a refresh answer opens only for who holds the old refresh token.
 * @see https://www.rfc-editor.org/rfc/rfc5869
 */
export function createSeal(secret: string): Seal {
  if (Buffer.byteLength(secret) < 32)
    throw new TypeError('The secret of the authorization service has 32 bytes or more')
  const key = (info: string) => Buffer.from(hkdfSync('sha256', secret, 'fairlead', info, 32))
  return {
    seal(use, value, bound) {
      const iv = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key(`${use}|${bound}`), iv)
      const text = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
      return Buffer.concat([iv, cipher.getAuthTag(), text]).toString('base64url')
    },
    open(use, sealed, bound) {
      const bytes = Buffer.from(sealed, 'base64url')
      const decipher = createDecipheriv('aes-256-gcm', key(`${use}|${bound}`), bytes.subarray(0, 12))
      decipher.setAuthTag(bytes.subarray(12, 28))
      try {
        const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
        return JSON.parse(text) as unknown
      } catch {
        return undefined
      }
    },
    mac: (use, text) => createHmac('sha256', key(use)).update(text).digest('base64url'),
  }
}

/** Compares two texts in time that does not depend on where they differ. */
export function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}
