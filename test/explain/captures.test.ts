import { describe, expect, it } from 'vitest'
import { FairleadError } from '../../src/errors.ts'
import { explainRequest, type Endpoint } from '../../src/explain/explain.ts'
import { readCurl } from '../../src/explain/curl.ts'
import { readHar } from '../../src/explain/har.ts'

const code = (work: () => unknown) => {
  try {
    work()
    return 'nothing'
  } catch (error) {
    return error instanceof FairleadError ? error.code : String(error)
  }
}

const entry = (more: object = {}) => ({
  startedDateTime: '2026-11-24T10:00:00.000Z',
  time: 12,
  request: {
    method: 'POST',
    url: 'http://127.0.0.1:4101/mcp?b=%2F&a=1',
    headers: [{ name: 'Authorization', value: 'x' }],
    postData: { text: '{"id":1}' },
  },
  response: { status: 403, headers: [], content: { text: '{"Message":"Forbidden"}' } },
  ...more,
})
const har = (...entries: object[]) => JSON.stringify({ log: { version: '1.2', entries } })

describe('a HAR file', () => {
  it('gives a request as it was on the wire', () => {
    const [one] = readHar(har(entry()))
    expect(one).toMatchObject({
      method: 'POST',
      target: '/mcp?b=%2F&a=1',
      status: 403,
      body: '{"id":1}',
      at: Date.UTC(2026, 10, 24, 10),
    })
    expect(one!.headers).toEqual(['Authorization', 'x', 'host', '127.0.0.1:4101'])
  })

  it('is read as Chrome, Firefox and the Inspector write it', () => {
    const chrome = entry({
      request: {
        method: 'POST',
        url: 'https://h.example/mcp',
        headers: [
          { name: ':authority', value: 'h.example' },
          { name: 'accept', value: '*/*' },
        ],
      },
      _initiator: {},
    })
    const firefox = entry({
      request: {
        method: 'POST',
        url: 'https://h.example/mcp',
        headers: [{ name: 'Host', value: 'h.example' }],
        postData: { mimeType: 'application/json', params: [], text: '' },
      },
    })
    const inspector = { request: { method: 'POST', url: 'https://h.example/mcp', headers: [] }, response: {} }
    const read = readHar(`\ufeff${har(chrome, firefox, inspector)}`)
    expect(read.map(({ headers }) => headers)).toEqual([
      ['accept', '*/*', 'host', 'h.example'],
      ['Host', 'h.example'],
      ['host', 'h.example'],
    ])
  })

  it('of Chrome without its secrets proves nothing of what was sent', () => {
    const refused = entry({ request: { method: 'POST', url: 'http://127.0.0.1:4101/mcp', headers: [] } })
    const log = (creator: string, ...entries: object[]) =>
      JSON.stringify({ log: { creator: { name: creator }, entries } })
    const endpoint = { url: 'http://127.0.0.1:4101/mcp', auth: 'iam' as const }
    const causes = (text: string) => explainRequest(readHar(text)[0]!, { endpoint, keys: [] }).causes
    expect(causes(log('WebInspector', refused))).toEqual(['capture-sanitised'])
    expect(causes(log('WebInspector', refused, entry()))).toEqual(['not-signed'])
    expect(causes(log('Firefox', refused))).toEqual(['not-signed'])
  })

  it('has causes of what an endpoint that is known asks for, and of no other', () => {
    const text = har(
      entry({ request: { method: 'POST', url: 'http://127.0.0.1:4102/mcp', headers: [] }, response: { status: 401 } }),
    )
    const causes = (endpoint: Endpoint) => explainRequest(readHar(text)[0]!, { endpoint, keys: [] }).causes
    const url = 'http://127.0.0.1:4102/mcp'
    expect(causes({ url, auth: 'oauth' })).toEqual(['token-missing'])
    expect(causes({ url, auth: 'iam' })).toEqual(['not-signed'])
    expect(causes({ url, auth: 'iam', guessed: true })).toEqual(['http-401'])
  })

  it('may lack a body that was sent, and have an answer in base64', () => {
    const [one] = readHar(
      har(
        entry({
          request: { method: 'POST', url: 'http://127.0.0.1:4101/mcp', headers: [], bodySize: 2_000_000 },
          response: {
            status: 403,
            headers: [],
            content: { encoding: 'base64', text: Buffer.from('{"Message":"Forbidden"}').toString('base64') },
          },
        }),
      ),
    )
    expect(one).toMatchObject({ bodyBytes: 2_000_000, altered: true, answer: { body: '{"Message":"Forbidden"}' } })
    expect(one).not.toHaveProperty('body')
  })

  it.each([
    ['nothing', ''],
    ['no JSON', 'GET / HTTP/1.1'],
    ['a file that was cut', har(entry()).slice(0, 100)],
    ['JSON that is none', '{"log":{}}'],
    ['no entries', har()],
    ['entries that are none', har({}, { request: { method: 5, url: 'x' } })],
    ['null', 'null'],
  ])('is refused by its code: %s', (_name, text) => {
    expect(code(() => readHar(text))).toBe('CAPTURE_UNREADABLE')
  })

  it('keeps what can be read beside what cannot', () => {
    expect(readHar(har({}, entry(), { request: null }))).toHaveLength(1)
  })
})

describe('a curl command', () => {
  it('gives the request that curl would send', () => {
    const text = `curl -X POST 'http://127.0.0.1:4101/mcp?x=%20' \\\n  -H 'Content-Type: application/json' -H "Accept: a, b" --data-raw $'{"a":"it\\'s","b":"\\u00e4"}' --compressed -s`
    expect(readCurl(text, 5)).toMatchObject({
      method: 'POST',
      target: '/mcp?x=%20',
      headers: ['host', '127.0.0.1:4101', 'Content-Type', 'application/json', 'Accept', 'a, b'],
      body: '{"a":"it\'s","b":"ä"}',
      at: 5,
    })
    expect(readCurl('curl -d a=1 -d b=2 host.example/mcp')).toMatchObject({
      method: 'POST',
      body: 'a=1&b=2',
      target: '/mcp',
    })
    expect(readCurl('curl --oauth2-bearer T -I https://h/mcp')).toMatchObject({
      method: 'HEAD',
      headers: ['host', 'h', 'authorization', 'Bearer T'],
    })
  })

  it.each([
    ['another program', 'wget http://x'],
    ['no URL', "curl -H 'a: b'"],
    ['a quote that is open', "curl 'http://x"],
    ['an option without its value', 'curl http://x -H'],
    ['a file', 'curl -d @secret.json http://x'],
    ['curl’s own signature', 'curl --aws-sigv4 aws:amz:us-east-1:lambda http://x'],
    ['a URL that is none', 'curl http://:::'],
    ['nothing', ''],
  ])('is refused by its code: %s', (_name, text) => {
    expect(code(() => readCurl(text))).toBe('CAPTURE_UNREADABLE')
  })
})
