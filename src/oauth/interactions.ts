import type { Provider, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { Accounts } from './accounts.ts'
import { isLoopback } from './client-metadata.ts'
import { callbackPath, FederationError, type Federation } from './federation.ts'
import { consentPage, errorPage, pageHeaders, type ConsentPage } from './pages.ts'
import type { Resources } from './scopes.ts'
import { same, type Seal } from './seal.ts'

export interface InteractionOptions {
  issuer: string
  /** It is made anew when keys rotate. */
  provider: () => Provider
  federation: Federation
  accounts: Accounts
  resources: Resources
  seal: Seal
  log: (event: string, detail: Record<string, unknown>) => void
}

type Details = Awaited<ReturnType<Provider['interactionDetails']>>

/**
 * What a person sees between the client's request and its answer: the way to the sign-in and back, and the question whether
 * this client may. A decision counts only from our own page, in the session that was asked.
 */
export function interactionPages(options: InteractionOptions) {
  return async (ctx: KoaContextWithOIDC, next: () => Promise<unknown>): Promise<void> => {
    const [, room, uid, step] = ctx.path.split('/')
    const route = `${ctx.method} ${room === 'interaction' ? `interaction ${step ?? ''}` : ctx.path}`
    try {
      if (route === `GET ${callbackPath}`) return await options.federation.comeBack(ctx)
      if (route === 'GET interaction ') return await show(ctx, await detailsOf(ctx, uid!))
      if (route === 'GET interaction federated') return await signedIn(ctx, await detailsOf(ctx, uid!))
      if (route === 'POST interaction decision') return await decide(ctx, await detailsOf(ctx, uid!))
    } catch (error) {
      return sayWhy(ctx, error)
    }
    await next()
  }

  async function detailsOf(ctx: KoaContextWithOIDC, uid: string): Promise<Details> {
    const details = await options.provider().interactionDetails(ctx.req, ctx.res)
    if (details.uid !== uid) throw new errors.SessionNotFound('the interaction is of another request')
    return details
  }

  async function show(ctx: KoaContextWithOIDC, details: Details): Promise<void> {
    if (details.prompt.name === 'login') {
      const again = details.prompt.reasons.some((reason) => reason !== 'no_session')
      return options.federation.leave(ctx, details.uid, again)
    }
    const asked = await questionOf(details)
    if (asked.scopes.length === 0)
      return finish(
        ctx,
        asked.withheld.length > 0
          ? { error: 'access_denied', error_description: 'the account may give none of the scopes' }
          : { error: 'invalid_scope', error_description: 'the resource has none of the scopes' },
      )
    const redirectUri = String(details.params.redirect_uri)
    ctx.status = 200
    ctx.set(pageHeaders([formTarget(redirectUri)]))
    ctx.body = consentPage({
      ...asked,
      action: `/interaction/${details.uid}/decision`,
      csrf: csrfOf(details),
    })
  }

  async function signedIn(ctx: KoaContextWithOIDC, details: Details): Promise<void> {
    const outcome = await options.federation.outcome(details.uid)
    if (!outcome) throw new FederationError('This sign-in has ended, or was used already')
    if (outcome.kind === 'refused') return finish(ctx, { error: outcome.error, error_description: outcome.description })
    if (details.session && details.session.accountId !== outcome.sub) {
      // Somebody else signed in: what the last person allowed is not theirs.
      const session = await options.provider().Session.findByUid(details.session.uid)
      await session?.destroy()
      delete (details as { session?: unknown }).session
      await details.save(details.exp - Math.floor(Date.now() / 1000))
    }
    await finish(ctx, { login: { accountId: outcome.sub } })
  }

  async function decide(ctx: KoaContextWithOIDC, details: Details): Promise<void> {
    if (ctx.get('origin') !== options.issuer)
      throw new errors.InvalidRequest('the form was sent from another site', 403)
    const form = await formOf(ctx)
    if (details.prompt.name !== 'consent' || !same(form.get('csrf') ?? '', csrfOf(details)))
      throw new errors.InvalidRequest('the form is not of this request', 403)
    if (form.get('decision') !== 'allow')
      return finish(ctx, { error: 'access_denied', error_description: 'the person denied it' })
    const { accountId } = details.session!
    const clientId = String(details.params.client_id)
    const grant = new (options.provider().Grant)({ accountId, clientId })
    const oidc = words(details.params.scope).filter((scope) => scope === 'openid' || scope === 'offline_access')
    if (oidc.length > 0) grant.addOIDCScope(oidc.join(' '))
    for (const { resource, granted } of (await askedOf(details)).resources)
      if (granted.length > 0) grant.addResourceScope(resource, granted.join(' '))
    const grantId = await grant.save()
    options.log('consent.granted', { clientId })
    await finish(ctx, { consent: { grantId } })
  }

  /** Not `interactionFinished`: that one answers behind Koa's back. */
  async function finish(ctx: KoaContextWithOIDC, result: Parameters<Provider['interactionResult']>[2]): Promise<void> {
    const to = await options.provider().interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true })
    ctx.status = 303
    ctx.redirect(to)
  }

  async function askedOf(details: Details) {
    const account = await options.accounts.find(details.session!.accountId, { fresh: false })
    if (!account) throw new errors.SessionNotFound('the account is not known')
    const asked = words(details.params.scope)
    const named = [details.params.resource ?? options.resources.default].flat().filter((one) => typeof one === 'string')
    const resources = named.map((resource) => {
      const all = options.resources.scopes(resource).filter(({ value }) => asked.includes(value))
      const own = new Set(options.resources.ofPerson(resource, account.person.groups))
      return {
        resource,
        scopes: all,
        granted: all.map(({ value }) => value).filter((value) => own.has(value)),
      }
    })
    return { person: account.person, resources }
  }

  async function questionOf(details: Details) {
    const clientId = String(details.params.client_id)
    const client = await options.provider().Client.find(clientId)
    if (!client) throw new errors.InvalidClient('client is invalid', 'client not found')
    const { person, resources } = await askedOf(details)
    const granted = new Set(resources.flatMap((one) => one.granted))
    const scopes = resources.flatMap((one) => one.scopes)
    const redirectUri = String(details.params.redirect_uri)
    const known = knownBy(clientId)
    return {
      client: { name: client.clientName ?? (known.kind === 'document' ? known.host : clientId), known },
      resourceName: resources.map(({ resource }) => options.resources.name(resource)).join(', '),
      username: person.username,
      redirect: { host: hostOf(redirectUri), loopbackOnly: (client.redirectUris ?? []).every(isLoopback) },
      scopes: scopes.filter(({ value }) => granted.has(value)),
      withheld: scopes.map(({ value }) => value).filter((value) => !granted.has(value)),
    }
  }

  /** Bound to the interaction and to the session: another person's form, or another request's, does not fit. */
  function csrfOf(details: Details): string {
    return options.seal.mac('csrf', `${details.uid}|${details.session?.uid ?? ''}`)
  }

  function sayWhy(ctx: KoaContextWithOIDC, error: unknown): void {
    const known = error instanceof FederationError || error instanceof errors.OIDCProviderError
    const status = error instanceof errors.OIDCProviderError ? error.statusCode : known ? 400 : 502
    const detail = error instanceof Error ? error.message : String(error)
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined
    options.log('interaction.error', { status, detail, ...(cause ? { cause } : {}) })
    ctx.status = status
    ctx.set(pageHeaders())
    ctx.body = errorPage({
      title: 'This sign-in cannot go on',
      what: known ? sentence(error) : 'The sign-in service could not be reached.',
    })
  }
}

/** oidc-provider stores what the upstream and the page decide: here it is only read. */
async function formOf(ctx: KoaContextWithOIDC): Promise<URLSearchParams> {
  const chunks: Buffer[] = []
  for await (const chunk of ctx.req) chunks.push(chunk as Buffer)
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'))
}

function sentence(error: unknown): string {
  if (error instanceof errors.SessionNotFound)
    return 'It has ended, was finished already, or was begun in another browser.'
  const { error_description: description } = error as { error_description?: string }
  const text = description ?? (error as Error).message
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`
}

function knownBy(clientId: string): ConsentPage['client']['known'] {
  if (clientId.startsWith('https://')) return { kind: 'document', host: new URL(clientId).host }
  return clientId.startsWith('dcr_') ? { kind: 'self' } : { kind: 'configured' }
}

function words(scope: unknown): string[] {
  return typeof scope === 'string' ? scope.split(' ').filter(Boolean) : []
}

function hostOf(uri: string): string {
  const url = new URL(uri)
  return url.host === '' ? url.protocol.slice(0, -1) : url.host
}

/** As a source in a content security policy: custom schemes and IPv6 have no host form there. */
function formTarget(uri: string): string {
  const url = new URL(uri)
  return url.host === '' || url.host.startsWith('[') ? url.protocol : url.origin
}
