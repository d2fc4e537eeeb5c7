import { describe, expect, it } from 'vitest'
import { isLoopback } from '../../../src/auth/oauth-client/authorize.ts'
import { CookieJar } from '../../../src/auth/oauth-client/cookie-jar.ts'
import { approvingButton, formsOf } from '../../../src/auth/oauth-client/forms.ts'

describe('the approving button', () => {
  it.each([
    ['<button>Deny</button><button>Allow</button>', 'Allow'],
    ['<button name=confirm value=no>Not now</button><button name=confirm value=yes>Go on</button>', 'Go on'],
    ['<button>Cancel</button><input type=submit value="Authorize app">', 'Authorize app'],
    ['<button>Continue</button>', 'Continue'],
    ['<button>Weiter</button>', 'Weiter'],
    ['<button type=button>Allow</button><button>Don’t allow</button>', undefined],
    ['<button disabled>Allow</button>', undefined],
    ['<button>One</button><button>Two</button>', undefined],
  ])('of %s is %s', (body, text) => {
    expect(approvingButton(formsOf(`<form>${body}</form>`)[0]!.buttons)?.text).toBe(text)
  })
})

describe('forms', () => {
  it('are read with their entities, and without what is in scripts and comments', () => {
    const [form, ...others] = formsOf(`<script>"<form><input name=evil></form>"</script><!--<form></form>-->
      <FORM action="/a?b=1&amp;c=&#x32;" METHOD=Post><INPUT NAME='x' value="&lt;&#39;&quot;"><input name=y type=checkbox checked>
      <input name=z type=radio value=1><input type=submit name=s value=Send></FORM>`)
    expect(others).toEqual([])
    expect(form).toEqual({
      action: '/a?b=1&c=2',
      method: 'post',
      fields: [
        { name: 'x', type: 'text', value: `<'"` },
        { name: 'y', type: 'checkbox', value: 'on' },
      ],
      buttons: [{ name: 's', value: 'Send', text: 'Send' }],
    })
  })
})

describe('cookies', () => {
  it('go back by host and path, and end when told', () => {
    const jar = new CookieJar()
    const at = (path: string) => new URL(`http://127.0.0.1:1${path}`)
    const set = (...cookies: string[]) => {
      const headers = new Headers()
      for (const cookie of cookies) headers.append('set-cookie', cookie)
      return new Response(null, { headers })
    }
    jar.keep(at('/interaction/1'), set('a=1; Path=/', 'b=2', 'c=3; Path=/interaction/1; HttpOnly'))
    expect(jar.header(at('/interaction/1'))).toBe('c=3; b=2; a=1')
    expect(jar.header(at('/interaction/12'))).toBe('b=2; a=1')
    expect(jar.header(at('/other'))).toBe('a=1')
    expect(jar.header(new URL('http://localhost:1/'))).toBeUndefined()
    jar.keep(at('/'), set('a=; Path=/; Max-Age=0'))
    jar.keep(at('/interaction/x'), set('b=; expires=Thu, 01 Jan 1970 00:00:00 GMT'))
    expect(jar.header(at('/interaction/1'))).toBe('c=3')
  })
})

describe('loopback', () => {
  it.each(['http://127.0.0.1:1/', 'http://localhost/', 'http://[::1]:1/', 'https://127.0.0.2/', 'http://2130706433/'])(
    '%s is it',
    (url) => {
      expect(isLoopback(new URL(url))).toBe(true)
    },
  )
  it.each([
    'http://127.0.0.1.evil.example/',
    'http://localhost.evil.example/',
    'http://evil.example/',
    'http://10.0.0.1/',
    'http://127.0.0.1@evil.example/',
    'http://0.0.0.0/',
    'javascript:alert(1)',
    'file:///etc/passwd',
  ])('%s is not', (url) => {
    expect(isLoopback(new URL(url))).toBe(false)
  })
})
