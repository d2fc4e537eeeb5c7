import type { Finding } from './checks.ts'
import type { Discovered } from './authorization.ts'
import { isLoopback } from './target.ts'

interface ClientFacts {
  /** Calls remote servers from its vendor's cloud. */
  fromCloud?: true
  /** Does not sign in without scopes_supported in the metadata. */
  needsScopes?: true
}

/** What single clients need beside the specification. @see /docs/doctor.md; read 2026-11-22, with the issues that say so */
export const clientFacts = {
  'claude-code': {},
  'claude-desktop': { fromCloud: true },
  codex: {},
  copilot: {},
  cursor: {},
  gemini: {},
  kiro: { needsScopes: true },
  vscode: {},
  windsurf: {},
  zed: {},
} as const satisfies Record<string, ClientFacts>

export type ClientName = keyof typeof clientFacts

/** Checks an endpoint for one client. All of them begin with `initialize`, and none signs with SigV4. */
export function forClient(
  name: ClientName,
  seen: { url: string; auth: 'iam' | 'oauth' | 'none'; served: readonly string[]; discovered: Discovered },
): Finding[] {
  const facts: ClientFacts = clientFacts[name]
  const { server, metadata } = seen.discovered
  const legacy = seen.served.some((each) => each.startsWith('2025-'))
  return [
    ...(facts.fromCloud
      ? [
          {
            id: 'client-remote',
            ok: !isLoopback(seen.url),
            says: isLoopback(seen.url)
              ? `${name} calls from its vendor’s cloud, which cannot reach loopback.`
              : 'It is public.',
          } as const,
        ]
      : []),
    ...(seen.auth === 'iam' ? [{ id: 'client-signs', ok: false, says: `${name} does not sign.` } as const] : []),
    ...(seen.served.length > 0
      ? [{ id: 'client-revision', ok: legacy, says: `Served: ${seen.served.join(', ')}.` } as const]
      : []),
    ...(seen.auth === 'oauth'
      ? [
          {
            id: 'client-registration',
            ok:
              typeof server?.registration_endpoint === 'string' ||
              server?.client_id_metadata_document_supported === true,
            says: server
              ? 'By what the authorization server offers.'
              : 'There is no metadata of an authorization server.',
          } as const,
        ]
      : []),
    ...(seen.auth === 'oauth' && facts.needsScopes
      ? [
          {
            id: 'client-scopes',
            ok: Array.isArray(metadata?.scopes_supported),
            says: 'By scopes_supported of the metadata.',
          } as const,
        ]
      : []),
  ]
}
