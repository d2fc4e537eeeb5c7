import { hkdfSync, randomBytes } from 'node:crypto'
import { FairleadError } from '../errors.ts'

/** The variable with the secret that all processes of a deployment share. */
export const secretVariable = 'FAIRLEAD_SECRET'

/** Derives a key of 32 bytes for one purpose, so that no two uses of the secret share one. Throws SECRET_MISSING when it is short. */
export function deriveKey(secret: string | Uint8Array, purpose: string): Buffer {
  if (secret.length < 32) throw new FairleadError('SECRET_MISSING', 'The shared secret is shorter than 32 characters')
  return Buffer.from(hkdfSync('sha256', secret, 'fairlead', purpose, 32))
}

/**
 * Gives the deployment's shared secret. Where it is not set, a single process gets a random one and a line of warning;
 * where the environment says that there are more processes (shared state, or Lambda), it throws SECRET_MISSING.
 */
export function sharedSecret(
  env: NodeJS.ProcessEnv = process.env,
  warn: (line: string) => void = console.error,
): string | Uint8Array {
  const secret = env[secretVariable]
  if (secret !== undefined) return secret
  const many = ['FAIRLEAD_TABLE', 'AWS_LAMBDA_FUNCTION_NAME'].find((name) => env[name] !== undefined)
  if (many)
    throw new FairleadError(
      'SECRET_MISSING',
      `${secretVariable} is not set, and ${many} says that there are more processes`,
    )
  warn(`${secretVariable} is not set: state that this process seals can be opened by this process only`)
  return randomBytes(32)
}
