import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IamIdentity } from '../state.ts'

/** The role that may call, and one that may not: for every project the same, so that a test can rely on them. */
export function agentArn(accountId: string): string {
  return `arn:aws:iam::${accountId}:role/agent-execution-role`
}

/**
 * The identities of a project: `agent`, with temporary credentials, and `stranger`, with long-lived ones.
 * Keys are made once and kept in identities.json (mode 0600); delete the file to have new ones.
 */
export function loadIdentities(stateDir: string, { accountId }: { accountId: string }): IamIdentity[] {
  const file = join(stateDir, 'identities.json')
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as IamIdentity[]
    if (kept.length === 2 && kept.every((each) => each.accessKeyId && each.secretAccessKey)) return kept
  } catch {
    // none yet, or not readable: make them
  }
  const made = [
    {
      name: 'agent',
      arn: agentArn(accountId),
      accessKeyId: keyId('ASIA'),
      secretAccessKey: secret(30),
      sessionToken: secret(120),
    },
    {
      name: 'stranger',
      arn: `arn:aws:iam::${accountId}:role/stranger`,
      accessKeyId: keyId('AKIA'),
      secretAccessKey: secret(30),
    },
  ]
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`, { mode: 0o600 })
  return made
}

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'

function keyId(prefix: string): string {
  return prefix + [...randomBytes(16)].map((byte) => base32[byte % 32]!).join('')
}

function secret(bytes: number): string {
  return randomBytes(bytes).toString('base64')
}
