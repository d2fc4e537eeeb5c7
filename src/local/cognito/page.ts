import { createHash } from 'node:crypto'

export interface LoginPage {
  action: string
  csrf: string
  username: string
  users: { username: string; groups: string[]; href: string }[]
  problem?: string
}

/** Writes the login page. It works without a script, and says what it is. */
export function loginPage({ action, csrf, username, users, problem }: LoginPage): string {
  const people = users.map(
    ({ username: name, groups, href }) =>
      `<li><a href="${escape(href)}"${name === username ? ' aria-current="true"' : ''}><b>${escape(name)}</b>` +
      `<span>${escape(groups.length === 0 ? 'in no group' : groups.join(', '))}</span></a></li>`,
  )
  return page(
    'Sign in',
    `<p class="note"><b>Local stand-in for Amazon Cognito.</b> It runs on this machine only. Nothing here is sent to AWS.</p>
<h1>Sign in</h1>
${problem ? `<p class="problem" role="alert">${escape(problem)}</p>` : ''}
<form method="post" action="${escape(action)}">
<input type="hidden" name="_csrf" value="${escape(csrf)}">
<label for="username">User name</label>
<input id="username" name="username" value="${escape(username)}" required autocomplete="username" autocapitalize="none" spellcheck="false"${username ? '' : ' autofocus'}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password"${username ? ' autofocus' : ''}>
<button type="submit">Sign in</button>
</form>
${people.length > 0 ? `<h2>Local users</h2><ul>${people.join('')}</ul>` : ''}
<p class="hint">Passwords are made for each project. They are in <code>.fairlead/local.json</code>, beside the configuration.</p>`,
  )
}

export function errorPage(message: string): string {
  return page(
    'Something is wrong',
    `<p class="note"><b>Local stand-in for Amazon Cognito.</b> It runs on this machine only.</p>
<h1>An error was encountered</h1><p class="problem" role="alert">${escape(message)}</p>`,
  )
}

const style = `
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#16202b;--dim:#566473;--line:#d3dae1;--lead:#0b5cad;--on:#fff;--bad:#a4161a;--badbg:#fdeceb;--notebg:#e9f1fa}
@media (prefers-color-scheme:dark){:root{--bg:#10161d;--card:#18212b;--ink:#e8edf2;--dim:#9fb0c0;--line:#324150;--lead:#7ab8f5;--on:#0c1520;--bad:#ffb3ad;--badbg:#3a1d1d;--notebg:#1b2c3e}}
*{box-sizing:border-box}
body{margin:0;min-height:100vh;display:grid;place-items:center;padding:16px;background:var(--bg);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:100%;max-width:400px;background:var(--card);border:1px solid var(--line);border-radius:12px;padding:24px}
h1{margin:20px 0 4px;font-size:24px;line-height:1.25}
h2{margin:28px 0 8px;font-size:14px;color:var(--dim);font-weight:600}
p{margin:8px 0}
label{display:block;margin:16px 0 6px;font-weight:600}
input:not([type=hidden]){width:100%;padding:11px 12px;font:inherit;color:inherit;background:transparent;border:1px solid var(--dim);border-radius:8px}
button{width:100%;margin-top:24px;padding:12px;font:inherit;font-weight:600;color:var(--on);background:var(--lead);border:0;border-radius:8px;cursor:pointer}
button:hover{filter:brightness(1.08)}
:focus-visible{outline:3px solid var(--lead);outline-offset:2px}
ul{list-style:none;margin:0;padding:0;display:grid;gap:8px}
a{display:flex;justify-content:space-between;gap:12px;padding:10px 12px;color:inherit;text-decoration:none;border:1px solid var(--line);border-radius:8px;overflow-wrap:anywhere}
a:hover,a[aria-current]{border-color:var(--lead)}
a span{color:var(--dim);font-size:14px;text-align:right}
.note{margin:0;padding:10px 12px;background:var(--notebg);border-radius:8px;font-size:14px}
.problem{padding:10px 12px;color:var(--bad);background:var(--badbg);border-radius:8px}
.hint{margin-top:20px;color:var(--dim);font-size:14px}
code{font-size:13px}
`

function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${title} · local Cognito stand-in</title><style>${style}</style></head>
<body><main>${body}</main></body></html>`
}

const styleHash = createHash('sha256').update(style).digest('base64')

/**
 * Answers with a page that runs no script, loads nothing and stands in no frame.
 * There is no `form-action`: browsers apply it to the redirects after the form, and those lead to the client, wherever it is.
 */
export function html(status: number, text: string, cookies: string[] = []): Response {
  const headers = new Headers({
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': `default-src 'none'; style-src 'sha256-${styleHash}'; base-uri 'none'; frame-ancestors 'none'`,
    'x-frame-options': 'DENY',
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'cache-control': 'no-store',
  })
  for (const cookie of cookies) headers.append('set-cookie', cookie)
  return new Response(text, { status, headers })
}

const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' }

function escape(text: string): string {
  return text.replace(/[&<>"']/g, (letter) => entities[letter]!)
}
