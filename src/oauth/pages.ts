import { createHash } from 'node:crypto'
import { html, Markup } from './html.ts'

export interface ConsentPage {
  /** Who says what the client is: the host of its document, the configuration, or nobody but itself. */
  client: { name: string; known: { kind: 'document'; host: string } | { kind: 'configured' } | { kind: 'self' } }
  resourceName: string
  username: string
  redirect: { host: string; loopbackOnly: boolean }
  scopes: { value: string; description: string }[]
  /** Asked for, and not this person's to give. */
  withheld: string[]
  action: string
  csrf: string
}

const style = `
:root{color-scheme:light dark;--ink:#16191d;--soft:#5a626c;--line:#dfe3e8;--page:#f3f5f7;--card:#fff;--sea:#0b5c7a;--on-sea:#fff;--warn:#7a4b00;--warn-page:#fff6e3;--warn-line:#f0d49a}
@media (prefers-color-scheme:dark){:root{--ink:#e8ebee;--soft:#9ea8b3;--line:#323a43;--page:#12161a;--card:#1b2127;--sea:#6fc3e0;--on-sea:#06222d;--warn:#f3cf8a;--warn-page:#2c2312;--warn-line:#574423}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:flex;flex-direction:column;align-items:center;justify-content:center;padding:1.5rem 1rem;background:var(--page);color:var(--ink);font:1rem/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{width:100%;max-width:29rem;background:var(--card);border:1px solid var(--line);border-radius:14px;padding:2rem}
h1{margin:0 0 .35rem;font-size:1.4rem;line-height:1.25;letter-spacing:-.01em;text-wrap:balance;overflow-wrap:anywhere}
p{margin:.5rem 0;overflow-wrap:anywhere}.soft{color:var(--soft)}.small{font-size:.875rem}
h2{margin:1.6rem 0 .5rem;font-size:.8125rem;font-weight:600;color:var(--soft)}
ul{list-style:none;margin:0;padding:0;border:1px solid var(--line);border-radius:10px}
li{padding:.7rem .9rem}li+li{border-top:1px solid var(--line)}
li span,dd{display:block;overflow-wrap:anywhere}code{font:.8125rem/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;color:var(--soft);overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.3rem 1rem;margin:0;font-size:.9375rem}dt{color:var(--soft)}dd{margin:0}
.warn{margin:1.4rem 0 0;padding:.75rem .9rem;border:1px solid var(--warn-line);border-radius:10px;background:var(--warn-page);color:var(--warn);font-size:.9375rem}
form{display:flex;gap:.75rem;margin-top:1.75rem}
button{flex:1;font:inherit;font-weight:600;padding:.7rem 1rem;border-radius:9px;border:1px solid var(--line);background:transparent;color:var(--ink);cursor:pointer}
button.main{background:var(--sea);border-color:var(--sea);color:var(--on-sea)}
button:hover{filter:brightness(1.06)}:focus-visible{outline:3px solid var(--sea);outline-offset:3px}
footer{margin-top:1rem;color:var(--soft);font-size:.8125rem;text-align:center;max-width:29rem}
@media (max-width:26rem){main{padding:1.4rem 1.2rem}form{flex-direction:column-reverse}dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.4rem}}
`
// In one piece: its hash is of every character between the tags.
const styleElement = new Markup(`<style>${style}</style>`)
const styleHash = createHash('sha256').update(style).digest('base64')

/**
 * Headers of every page: nothing is loaded, nobody may frame it. `formTargets` are the origins to which the answer to its
 * form may redirect, since browsers hold redirects to `form-action` too.
 */
export function pageHeaders(formTargets: readonly string[] = []): Record<string, string> {
  const form = formTargets.length > 0 ? `form-action 'self' ${formTargets.join(' ')}` : "form-action 'none'"
  return {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; ${form}; base-uri 'none'; frame-ancestors 'none'`,
    'x-frame-options': 'DENY',
    'cache-control': 'no-store',
    // With no-referrer the browser would send `Origin: null` with the form.
    'referrer-policy': 'same-origin',
    'cross-origin-opener-policy': 'same-origin',
  }
}

export function consentPage(page: ConsentPage): string {
  const { client, redirect, scopes, withheld } = page
  return document(
    `Allow ${client.name}?`,
    html`<h1>Allow ${client.name} to use ${page.resourceName}?</h1>
      <p class="soft">You are signed in as <strong>${page.username}</strong>.</p>
      <h2>It will be able to</h2>
      <ul>
        ${scopes.map(
          ({ value, description }) =>
            html`<li>
              <span>${description}</span>
              <code>${value}</code>
            </li>`,
        )}
      </ul>
      ${
        withheld.length > 0 &&
        html`<p class="soft small">It also asked for ${withheld.join(', ')}, which your account may not give.</p>`
      }
      <h2>Who asks</h2>
      <dl>
        <dt>Application</dt>
        <dd>${client.name}</dd>
        <dt>${client.known.kind === 'document' ? 'Described by' : 'Identity'}</dt>
        <dd>${identityOf(client.known)}</dd>
        <dt>Returns to</dt>
        <dd><strong>${redirect.host}</strong></dd>
      </dl>
      ${
        redirect.loopbackOnly &&
        html`<p class="warn" role="note">
          This application runs on this computer, so its name cannot be verified. Allow it only if you have just started
          it yourself.
        </p>`
      }
      <form method="post" action="${page.action}">
        <input type="hidden" name="csrf" value="${page.csrf}" />
        <button name="decision" value="deny">Deny</button>
        <button class="main" name="decision" value="allow">Allow</button>
      </form>`,
    html`<footer>Allow it only if you recognise the address it returns to.</footer>`,
  )
}

function identityOf(known: ConsentPage['client']['known']): string {
  if (known.kind === 'document') return known.host
  return known.kind === 'configured'
    ? 'Set up by whoever runs this server'
    : 'It named itself; nobody has checked the name'
}

export function errorPage(page: { title: string; what: string; code?: string; next?: string }): string {
  return document(
    page.title,
    html`<h1>${page.title}</h1>
      <p>${page.what}</p>
      <p class="soft">${page.next ?? 'Go back to the application and connect again.'}</p>
      ${page.code !== undefined && html`<p><code>${page.code}</code></p>`}`,
  )
}

function document(title: string, main: Markup, footer?: Markup): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <main>${main}</main>
        ${footer}
      </body>
    </html>`.text
}
