import { setTimeout as sleep } from 'node:timers/promises'
import { calculateJwkThumbprint, decodeProtectedHeader } from 'jose'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { RefreshReplay } from './adapter.ts'
import type { SealedTable } from './sealed-table.ts'
import type { Seal } from './seal.ts'

interface Answer {
  clientId: string
  body: Record<string, unknown>
}

interface GraceOptions {
  table: SealedTable
  seal: Seal
  graceS: number
  /** Makes sure that a DPoP proof was not seen before. */
  unique: (clientId: string, jti: string) => Promise<boolean>
}

/**
 * Answers a refresh token that was just used with the answer that its first use got, for `graceS` seconds: clients refresh
 * from several places at once, or lose an answer on the way. The answer is stored sealed under the old token, for the same
 * client and the same question. After the window a used token kills its grant.
 * @see https://www.rfc-editor.org/rfc/rfc9700#section-4.14.2
 */
export function refreshGrace({ table, seal, graceS, unique }: GraceOptions) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    await next()
    const { params, client } = ctx.oidc ?? {}
    if (params?.grant_type !== 'refresh_token' || !client || ctx.oidc.route !== 'token') return
    const token = String(params.refresh_token)
    const id = JSON.stringify([token, params.scope ?? '', params.resource ?? ''])
    if (ctx.status === 200) {
      const answer = seal.seal('refresh-answer', { clientId: client.clientId, body: ctx.body }, token)
      await table.write('RefreshAnswer', id, answer, { ttlS: graceS })
      return
    }
    const replay = ctx.state.refreshReplay as RefreshReplay | undefined
    if (!replay || replay.clientId !== client.clientId || !(await provesKey(ctx, replay))) return
    const answer = await waitFor(id, token)
    if (answer?.clientId !== client.clientId || !(await table.get('Grant', replay.grantId))) return
    ctx.status = 200
    ctx.body = answer.body
  }

  /** The request that used the token is still at work when its twin arrives, perhaps in another process. */
  async function waitFor(id: string, token: string): Promise<Answer | undefined> {
    for (let waitMs = 25, waited = 0; waited < 5000; waited += waitMs, waitMs = Math.min(400, waitMs * 2)) {
      const entry = await table.get<string>('RefreshAnswer', id)
      if (entry) return seal.open('refresh-answer', entry.value, token) as Answer | undefined
      await sleep(waitMs)
    }
    return undefined
  }

  /** oidc-provider has verified the proof by now; whose key it is, it would have checked later. */
  async function provesKey(ctx: KoaContextWithOIDC, { jkt, clientId }: RefreshReplay): Promise<boolean> {
    if (!jkt) return true
    const proof = ctx.get('DPoP')
    if (!proof) return false
    const { jwk } = decodeProtectedHeader(proof)
    if (!jwk || (await calculateJwkThumbprint(jwk)) !== jkt) return false
    const { jti } = JSON.parse(Buffer.from(proof.split('.')[1]!, 'base64url').toString()) as { jti: string }
    return unique(clientId, jti)
  }
}
