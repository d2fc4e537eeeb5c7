import Ajv2020 from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { oneOperation, openDocument, startRecording, type Recording } from './recording.ts'

let upstream: Recording
beforeAll(async () => {
  upstream = await startRecording()
})
afterAll(async () => upstream.close())

const ajv = new Ajv2020.default({ strict: false, validateFormats: false })
const s = (type: string, more: object = {}) => ({ type, ...more })
const parameter = (name: string, place: string, schema: object, more: object = {}) => ({
  name,
  in: place,
  schema,
  ...(place === 'path' ? { required: true } : {}),
  ...more,
})
const get = (...parameters: object[]) => oneOperation({ parameters })
const at = (path: string, ...parameters: object[]) => oneOperation({ parameters }, { path })
const body = (content: object, more: object = {}, rest: object = {}) =>
  oneOperation({ requestBody: { required: true, content, ...more } }, { method: 'post', ...rest })
const json = (schema: object, more: object = {}, rest: object = {}) =>
  body({ 'application/json': { schema } }, more, rest)
const old = (operation: object, rest: object = {}) =>
  oneOperation(operation as Record<string, unknown>, { swagger: '2.0', ...rest })
const list = s('array', { items: s('string') })
const map = s('object', { properties: { R: s('integer'), G: s('integer') } })
const values = ['a b', 'c']
const rgb = { R: 1, G: 2 }

/** What a document, called with arguments, must send: the request line, and where it matters headers and body. */
interface Case {
  document: object
  args?: Record<string, unknown>
  sends: string
  body?: string
  headers?: Record<string, string>
}

const cases: Record<string, Case> = {
  // where arguments go, and how: path
  'a path parameter': {
    document: at('/c/{id}', parameter('id', 'path', s('string'))),
    args: { id: 'a/b c?' },
    sends: 'GET /v1/c/a%2Fb%20c%3F',
  },
  'a path parameter that nobody described': { document: at('/c/{id}'), args: { id: '7' }, sends: 'GET /v1/c/7' },
  'a list in a path, simple': {
    document: at('/c/{id}', parameter('id', 'path', list)),
    args: { id: values },
    sends: 'GET /v1/c/a%20b,c',
  },
  'an object in a path, simple': {
    document: at('/c/{id}', parameter('id', 'path', map)),
    args: { id: rgb },
    sends: 'GET /v1/c/R,1,G,2',
  },
  'an object in a path, simple, exploded': {
    document: at('/c/{id}', parameter('id', 'path', map, { explode: true })),
    args: { id: rgb },
    sends: 'GET /v1/c/R=1,G=2',
  },
  'a label': {
    document: at('/c/{id}', parameter('id', 'path', list, { style: 'label' })),
    args: { id: values },
    sends: 'GET /v1/c/.a%20b,c',
  },
  'a label, exploded': {
    document: at('/c/{id}', parameter('id', 'path', list, { style: 'label', explode: true })),
    args: { id: values },
    sends: 'GET /v1/c/.a%20b.c',
  },
  'a matrix': {
    document: at('/c/{id}', parameter('id', 'path', list, { style: 'matrix' })),
    args: { id: values },
    sends: 'GET /v1/c/;id=a%20b,c',
  },
  'a matrix, exploded': {
    document: at('/c/{id}', parameter('id', 'path', list, { style: 'matrix', explode: true })),
    args: { id: values },
    sends: 'GET /v1/c/;id=a%20b;id=c',
  },
  'an object as a matrix, exploded': {
    document: at('/c/{id}', parameter('id', 'path', map, { style: 'matrix', explode: true })),
    args: { id: rgb },
    sends: 'GET /v1/c/;R=1;G=2',
  },
  // query
  'a query parameter in other scripts': {
    document: get(parameter('q', 'query', s('string'))),
    args: { q: '你好&x=1' },
    sends: 'GET /v1/x?q=%E4%BD%A0%E5%A5%BD%26x%3D1',
  },
  'a number and a boolean': {
    document: get(parameter('n', 'query', s('number')), parameter('b', 'query', s('boolean'))),
    args: { n: 1.5, b: false },
    sends: 'GET /v1/x?n=1.5&b=false',
  },
  'nothing for what is not given': { document: get(parameter('q', 'query', s('string'))), sends: 'GET /v1/x' },
  'a list in a query': {
    document: get(parameter('q', 'query', list)),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b&q=c',
  },
  'a list in a query, not exploded': {
    document: get(parameter('q', 'query', list, { explode: false })),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b,c',
  },
  'a list with spaces between': {
    document: get(parameter('q', 'query', list, { style: 'spaceDelimited', explode: false })),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b%20c',
  },
  'a list with pipes between': {
    document: get(parameter('q', 'query', list, { style: 'pipeDelimited', explode: false })),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b%7Cc',
  },
  'an empty list': { document: get(parameter('q', 'query', list)), args: { q: [] }, sends: 'GET /v1/x' },
  'an object in a query': { document: get(parameter('q', 'query', map)), args: { q: rgb }, sends: 'GET /v1/x?R=1&G=2' },
  'an object in a query, not exploded': {
    document: get(parameter('q', 'query', map, { explode: false })),
    args: { q: rgb },
    sends: 'GET /v1/x?q=R,1,G,2',
  },
  'a deep object': {
    document: get(
      parameter('f', 'query', s('object', { properties: { a: map, b: list } }), { style: 'deepObject', explode: true }),
    ),
    args: { f: { a: rgb, b: ['x', 'y'] } },
    sends: 'GET /v1/x?f%5Ba%5D%5BR%5D=1&f%5Ba%5D%5BG%5D=2&f%5Bb%5D=x&f%5Bb%5D=y',
  },
  'reserved characters where they are allowed': {
    document: get(parameter('q', 'query', s('string'), { allowReserved: true })),
    args: { q: 'a/b:c&d=e#f' },
    sends: 'GET /v1/x?q=a/b:c%26d%3De%23f',
  },
  'JSON in a query': {
    document: get({ name: 'q', in: 'query', content: { 'application/json': { schema: map } } }),
    args: { q: rgb },
    sends: 'GET /v1/x?q=%7B%22R%22%3A1%2C%22G%22%3A2%7D',
  },
  'a name with brackets': {
    document: get(parameter('filter[name]', 'query', s('string'))),
    args: { filter_name_: 'x' },
    sends: 'GET /v1/x?filter%5Bname%5D=x',
  },
  // headers and cookies
  'a header': {
    document: get(parameter('X-Trace', 'header', s('string'))),
    args: { 'X-Trace': 't' },
    sends: 'GET /v1/x',
    headers: { 'x-trace': 't' },
  },
  'a list in a header': {
    document: get(parameter('X-Ids', 'header', s('array', { items: s('integer') }))),
    args: { 'X-Ids': [1, 2] },
    sends: 'GET /v1/x',
    headers: { 'x-ids': '1,2' },
  },
  cookies: {
    document: get(parameter('sid', 'cookie', s('string')), parameter('t', 'cookie', s('string'))),
    args: { sid: 'a;b', t: '1' },
    sends: 'GET /v1/x',
    headers: { cookie: 'sid=a%3Bb; t=1' },
  },
  // names that meet
  'one name in path, query, header and body': {
    document: oneOperation(
      {
        parameters: [
          parameter('id', 'header', s('string')),
          parameter('id', 'query', s('string')),
          parameter('id', 'path', s('string')),
        ],
        requestBody: {
          required: true,
          content: { 'application/json': { schema: s('object', { properties: { id: s('string') } }) } },
        },
      },
      { method: 'put', path: '/c/{id}' },
    ),
    args: { id: 'p', id_query: 'q', id_header: 'h', id_body: 'b' },
    sends: 'PUT /v1/c/p?id=q',
    headers: { id: 'h' },
    body: '{"id":"b"}',
  },
  // bodies
  'a JSON body, laid out flat': {
    document: json(s('object', { required: ['name'], properties: { name: s('string'), age: s('integer') } })),
    args: { name: 'Ada', age: 36 },
    sends: 'POST /v1/x',
    body: '{"name":"Ada","age":36}',
    headers: { 'content-type': 'application/json' },
  },
  'a JSON body of a vendor’s type': {
    document: body({ 'application/vnd.api+json': { schema: s('object', { properties: { a: s('integer') } }) } }),
    args: { a: 1 },
    sends: 'POST /v1/x',
    body: '{"a":1}',
    headers: { 'content-type': 'application/vnd.api+json' },
  },
  'a body that is a list': { document: json(list), args: { body: values }, sends: 'POST /v1/x', body: '["a b","c"]' },
  'a body that is a text in JSON': {
    document: json(s('string')),
    args: { body: 'x' },
    sends: 'POST /v1/x',
    body: '"x"',
  },
  'a body of any keys': {
    document: json(s('object', { additionalProperties: s('integer') })),
    args: { body: { any: 1 } },
    sends: 'POST /v1/x',
    body: '{"any":1}',
  },
  'a body that is one of several': {
    document: json({
      oneOf: [
        s('object', { properties: { a: s('integer') }, required: ['a'] }),
        s('object', { properties: { b: s('string') }, required: ['b'] }),
      ],
    }),
    args: { body: { b: 'x' } },
    sends: 'POST /v1/x',
    body: '{"b":"x"}',
  },
  'a body that is any of several': {
    document: json({ anyOf: [s('string'), s('integer')] }),
    args: { body: 3 },
    sends: 'POST /v1/x',
    body: '3',
  },
  'a body of several parts, laid out flat': {
    document: json({
      allOf: [s('object', { properties: { a: s('integer') } }), { properties: { b: s('string') }, required: ['b'] }],
    }),
    args: { a: 1, b: 'x' },
    sends: 'POST /v1/x',
    body: '{"a":1,"b":"x"}',
  },
  'a body by reference': {
    document: json(
      { $ref: '#/components/schemas/A' },
      {},
      { components: { schemas: { A: s('object', { properties: { a: s('integer') } }) } } },
    ),
    args: { a: 1 },
    sends: 'POST /v1/x',
    body: '{"a":1}',
  },
  'a requestBody by reference': {
    document: oneOperation(
      { requestBody: { $ref: '#/components/requestBodies/B' } },
      {
        method: 'post',
        components: { requestBodies: { B: { required: true, content: { 'application/json': { schema: list } } } } },
      },
    ),
    args: { body: ['x'] },
    sends: 'POST /v1/x',
    body: '["x"]',
  },
  'a schema that stands in itself': {
    document: json(
      { $ref: '#/components/schemas/Node' },
      {},
      {
        components: {
          schemas: {
            Node: s('object', {
              properties: { name: s('string'), children: s('array', { items: { $ref: '#/components/schemas/Node' } }) },
            }),
          },
        },
      },
    ),
    args: { name: 'a', children: [{ name: 'b', children: [] }] },
    sends: 'POST /v1/x',
    body: '{"name":"a","children":[{"name":"b","children":[]}]}',
  },
  'a value that is null, 3.0': {
    document: json(s('object', { properties: { a: s('string', { nullable: true }) } })),
    args: { a: null },
    sends: 'POST /v1/x',
    body: '{"a":null}',
  },
  'a value that is null, 3.1': {
    document: json(s('object', { properties: { a: { type: ['string', 'null'] } } }), {}, { openapi: '3.1.0' }),
    args: { a: null },
    sends: 'POST /v1/x',
    body: '{"a":null}',
  },
  'an enum that may be null': {
    document: json(s('object', { properties: { a: s('string', { nullable: true, enum: ['x'] }) } })),
    args: { a: null },
    sends: 'POST /v1/x',
    body: '{"a":null}',
  },
  'what is readOnly is not asked for': {
    document: json(
      s('object', { required: ['id', 'a'], properties: { id: s('string', { readOnly: true }), a: s('integer') } }),
    ),
    args: { a: 1 },
    sends: 'POST /v1/x',
    body: '{"a":1}',
  },
  'what is writeOnly is sent': {
    document: json(s('object', { properties: { secret: s('string', { writeOnly: true }) } })),
    args: { secret: 'x' },
    sends: 'POST /v1/x',
    body: '{"secret":"x"}',
  },
  'a body that need not be': {
    document: json(s('object', { properties: { a: s('integer') } }), { required: false }),
    sends: 'POST /v1/x',
    body: '',
  },
  'an empty body that must be': {
    document: json(s('object', { properties: { a: s('integer') } })),
    sends: 'POST /v1/x',
    body: '{}',
  },
  'a form': {
    document: body({
      'application/x-www-form-urlencoded': { schema: s('object', { properties: { a: s('string'), b: list } }) },
    }),
    args: { a: 'x y&z', b: values },
    sends: 'POST /v1/x',
    body: 'a=x+y%26z&b=a+b&b=c',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
  },
  'a form whose list is one value': {
    document: body({
      'application/x-www-form-urlencoded': {
        schema: s('object', { properties: { b: list } }),
        encoding: { b: { explode: false } },
      },
    }),
    args: { b: values },
    sends: 'POST /v1/x',
    body: 'b=a+b%2Cc',
  },
  'a text': {
    document: body({ 'text/plain': { schema: s('string') } }),
    args: { body: 'grüße' },
    sends: 'POST /v1/x',
    body: 'grüße',
    headers: { 'content-type': 'text/plain' },
  },
  'XML as it is given': {
    document: body({ 'application/xml': { schema: s('object') } }),
    args: { body: '<a/>' },
    sends: 'POST /v1/x',
    body: '<a/>',
    headers: { 'content-type': 'application/xml' },
  },
  bytes: {
    document: body({ 'application/octet-stream': { schema: s('string', { format: 'binary' }) } }),
    args: { body: 'AAEC/w==' },
    sends: 'POST /v1/x',
    body: '\u0000\u0001\u0002\u00ff',
    headers: { 'content-type': 'application/octet-stream' },
  },
  // servers and methods
  'a server with variables, as it is by default': {
    document: {
      ...get(),
      servers: [
        {
          url: 'https://{tenant}.example.com/{v}',
          variables: { tenant: { default: 'main' }, v: { default: 'v2', enum: ['v1', 'v2'] } },
        },
      ],
    },
    sends: 'GET /v2/x',
  },
  'a server with variables that are given': {
    document: {
      ...get(),
      servers: [
        {
          url: 'https://{tenant}.example.com/{v}',
          variables: { tenant: { default: 'main' }, v: { default: 'v2', enum: ['v1', 'v2'] } },
        },
      ],
    },
    args: { v: 'v1', tenant: 'other' },
    sends: 'GET /v1/x',
  },
  'the server of an operation': {
    document: oneOperation({ servers: [{ url: 'https://api.example.com/own/' }] }),
    sends: 'GET /own/x',
  },
  HEAD: { document: oneOperation({}, { method: 'head' }), sends: 'HEAD /v1/x' },
  DELETE: { document: oneOperation({}, { method: 'delete' }), sends: 'DELETE /v1/x' },
  'a parameter of the path, for all its operations': {
    document: {
      ...get(),
      paths: {
        '/c/{id}': { parameters: [parameter('id', 'path', s('integer'))], get: { operationId: 'op', responses: {} } },
      },
    },
    args: { id: 3 },
    sends: 'GET /v1/c/3',
  },
  'a parameter by reference': {
    document: {
      ...get({ $ref: '#/components/parameters/Q' }),
      components: { parameters: { Q: parameter('q', 'query', s('string')) } },
    },
    args: { q: 'x' },
    sends: 'GET /v1/x?q=x',
  },
  // Swagger 2.0
  '2.0: a query': {
    document: old({ parameters: [{ name: 'q', in: 'query', type: 'string' }] }),
    args: { q: 'x' },
    sends: 'GET /v1/x?q=x',
  },
  '2.0: a list with commas': {
    document: old({ parameters: [{ name: 'q', in: 'query', type: 'array', items: s('string') }] }),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b,c',
  },
  '2.0: a list that repeats its name': {
    document: old({
      parameters: [{ name: 'q', in: 'query', type: 'array', items: s('string'), collectionFormat: 'multi' }],
    }),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b&q=c',
  },
  '2.0: a list with tabs': {
    document: old({
      parameters: [{ name: 'q', in: 'query', type: 'array', items: s('string'), collectionFormat: 'tsv' }],
    }),
    args: { q: values },
    sends: 'GET /v1/x?q=a%20b%09c',
  },
  '2.0: a body': {
    document: old(
      { parameters: [{ name: 'thing', in: 'body', required: true, schema: { $ref: '#/definitions/T' } }] },
      { method: 'post', definitions: { T: s('object', { properties: { a: s('integer') } }) } },
    ),
    args: { a: 1 },
    sends: 'POST /v1/x',
    body: '{"a":1}',
  },
  '2.0: a form': {
    document: old({ parameters: [{ name: 'a', in: 'formData', type: 'string' }] }, { method: 'post' }),
    args: { a: 'x y' },
    sends: 'POST /v1/x',
    body: 'a=x+y',
  },
  // YAML
  YAML: { document: 'yaml' as unknown as object, args: { q: 'x' }, sends: 'GET /v1/x?q=x' },
}

const yaml = `openapi: 3.0.3
info: { title: API, version: "1" }
servers: [{ url: https://api.example.com/v1 }]
paths:
  /x:
    get:
      operationId: op
      parameters: [{ name: q, in: query, schema: { type: string } }]
      responses: { "200": { description: OK } }
`

describe(`what reaches the API, of ${Object.keys(cases).length} documents of one operation`, () => {
  it.each(Object.entries(cases))('%s', async (_name, { document, args, sends, body: wanted, headers = {} }) => {
    const opened = await openDocument((document as unknown) === 'yaml' ? yaml : document, upstream)
    expect(opened.warnings).toEqual([])
    const tool = opened.tools[0]!
    expect(() => ajv.compile(tool.inputSchema)).not.toThrow()
    expect(ajv.validate(tool.inputSchema, args ?? {})).toBe(true)
    upstream.requests.length = 0
    const result = await opened.call('op', args)
    expect(result.content).toEqual([{ type: 'text', text: sends.startsWith('HEAD') ? '' : '{"ok":true}' }])
    const [request, ...more] = upstream.requests
    expect(more).toEqual([])
    expect(`${request!.method} ${request!.target}`).toBe(sends)
    if (wanted !== undefined) expect(request!.body.toString(wanted.includes('\u00ff') ? 'latin1' : 'utf8')).toBe(wanted)
    for (const [name, value] of Object.entries(headers)) expect(request!.headers[name]).toBe(value)
    await opened.target.close()
  })
})

describe('files in a multipart body', () => {
  it('go with their names and types, beside fields and JSON', async () => {
    const schema = s('object', {
      properties: {
        file: s('string', { format: 'binary' }),
        note: s('string'),
        meta: map,
        more: s('array', { items: s('string', { format: 'binary' }) }),
      },
    })
    const opened = await openDocument(body({ 'multipart/form-data': { schema } }), upstream)
    upstream.requests.length = 0
    const file = (filename: string) => ({
      filename,
      contentType: 'image/png',
      data: Buffer.from('PNG').toString('base64'),
    })
    await opened.call('op', { file: file('a"b.png'), note: 'hi', meta: rgb, more: [file('1.png'), file('2.png')] })
    const { headers, body: sent } = upstream.requests[0]!
    // The platform's own parser is the oracle.
    const form = await new Response(sent, { headers: { 'content-type': headers['content-type']! } }).formData()
    const first = form.get('file') as File
    expect([first.name, first.type, await first.text()]).toEqual(['a"b.png', 'image/png', 'PNG'])
    expect([form.get('note'), await new Response(form.get('meta') as string | Blob).text()]).toEqual([
      'hi',
      '{"R":1,"G":2}',
    ])
    expect(form.getAll('more').map((each) => (each as File).name)).toEqual(['1.png', '2.png'])
    await opened.target.close()
  })

  it('2.0: a file', async () => {
    const opened = await openDocument(
      old(
        {
          consumes: ['multipart/form-data'],
          parameters: [{ name: 'f', in: 'formData', type: 'file', required: true }],
        },
        { method: 'post' },
      ),
      upstream,
    )
    upstream.requests.length = 0
    await opened.call('op', { f: { filename: 'a.txt', data: 'aGk=' } })
    expect(upstream.requests[0]!.body.toString()).toContain(
      'filename="a.txt"\r\ncontent-type: application/octet-stream\r\n\r\nhi\r\n',
    )
    await opened.target.close()
  })
})

describe('what never reaches the API', () => {
  const document = json(s('object', { properties: { a: s('integer', { minimum: 1 }) } }), {}, { path: '/c/{id}' })
  it.each([
    ['an unknown argument', { id: '1', zz: 1 }, /zz/],
    ['a missing part of the path', { a: 1 }, /id/],
    ['a wrong type', { id: '1', a: 'x' }, /\$\.a: string found, integer expected/],
    ['a value beyond its limit', { id: '1', a: 0 }, /minimum value of 1/],
    ['an empty part of the path', { id: '' }, /empty/],
    ['a step up in the path', { id: '..' }, /"\.\."/],
    ['__proto__', JSON.parse('{"id":"1","__proto__":{"a":1}}') as Record<string, unknown>, /__proto__/],
  ])('%s', async (_name, args, said) => {
    const opened = await openDocument(document, upstream)
    upstream.requests.length = 0
    const result = await opened.call('op', args)
    expect(result.isError).toBe(true)
    expect((result.content[0] as { text: string }).text).toMatch(said)
    expect(upstream.requests).toEqual([])
    await opened.target.close()
  })

  it('a header with a line break', async () => {
    const opened = await openDocument(get(parameter('X-A', 'header', s('string'))), upstream)
    upstream.requests.length = 0
    expect((await opened.call('op', { 'X-A': 'a\r\nx-b: c' })).isError).toBe(true)
    expect(upstream.requests).toEqual([])
    await opened.target.close()
  })

  it('a variable that would make another server of it', async () => {
    const servers = [{ url: 'https://{tenant}.example.com', variables: { tenant: { default: 'main' } } }]
    const opened = await openDocument({ ...get(), servers }, upstream)
    upstream.requests.length = 0
    expect((await opened.call('op', { tenant: 'evil.com/' })).isError).toBe(true)
    expect(upstream.requests).toEqual([])
    await opened.target.close()
  })
})

describe('what the API answers', () => {
  const product = s('object', {
    required: ['id', 'b'],
    properties: { id: s('integer'), b: s('string', { enum: ['x'] }), key: s('string', { writeOnly: true }) },
  })
  const giving = (schema: object) =>
    oneOperation({ responses: { 200: { description: 'OK', content: { 'application/json': { schema } } } } })

  it('is passed on as it is, and structured where the document promises it', async () => {
    const opened = await openDocument(giving(product), upstream)
    upstream.answer(200, 'application/json; charset=utf-8', '{ "id": 1,  "b": "other" }')
    const result = await opened.call('op')
    expect(result).toEqual({
      isError: false,
      content: [{ type: 'text', text: '{ "id": 1,  "b": "other" }' }],
      structuredContent: { id: 1, b: 'other' },
    })
    const output = opened.tools[0]!.outputSchema!
    expect(ajv.validate(output, result.structuredContent)).toBe(true)
    expect(Object.keys(output.properties as object)).toEqual(['id', 'b'])
    await opened.target.close()
  })

  it.each([
    ['a list', giving(s('array', { items: product })), '[{"id":1}]', { result: [{ id: 1 }] }],
    ['null in what should be something', giving(product), '{"id":null,"b":null}', { id: null, b: null }],
    ['another type than the document says', giving(product), '{"id":"one"}', { result: { id: 'one' } }],
    ['no object at all', giving(product), '[1]', { result: [1] }],
    ['nothing', giving(product), '', {}],
  ])('is structured so that it keeps its promise: %s', async (_name, document, answer, wanted) => {
    const opened = await openDocument(document, upstream)
    upstream.answer(200, 'application/json', answer)
    const { structuredContent } = await opened.call('op')
    expect(structuredContent).toEqual(wanted)
    expect(ajv.validate(opened.tools[0]!.outputSchema!, structuredContent)).toBe(true)
    await opened.target.close()
  })

  it.each([
    ['an image', 'image/png', { type: 'image', data: 'AAH/', mimeType: 'image/png' }],
    ['a sound', 'audio/mpeg', { type: 'audio', data: 'AAH/', mimeType: 'audio/mpeg' }],
    [
      'other bytes',
      'application/pdf',
      { type: 'resource', resource: { uri: 'data:application/pdf', mimeType: 'application/pdf', blob: 'AAH/' } },
    ],
  ])('is %s', async (_name, type, content) => {
    const opened = await openDocument(get(), upstream)
    upstream.answer(200, type, Buffer.from([0, 1, 255]))
    expect((await opened.call('op')).content).toEqual([content])
    await opened.target.close()
  })

  it.each([404, 500, 302])('is a failure when it is %i', async (status) => {
    const opened = await openDocument(get(), upstream)
    upstream.answer(status, 'application/json', '{"message":"no"}', { location: 'http://169.254.169.254/' })
    await expect(opened.call('op')).rejects.toThrow(`the API answered ${status}: {"message":"no"}`)
    await opened.target.close()
  })
})

describe('the tools', () => {
  it('say by the method what they do', async () => {
    const hints = async (method: string) =>
      (await openDocument(oneOperation({}, { method }), upstream)).tools[0]!.annotations
    expect(await hints('get')).toMatchObject({ readOnlyHint: true })
    expect(await hints('delete')).toMatchObject({ readOnlyHint: false, destructiveHint: true, idempotentHint: true })
    expect(await hints('post')).toMatchObject({ readOnlyHint: false, destructiveHint: false, idempotentHint: false })
  })

  it('have names that do not depend on the order of the document, are unique, and at most 64 long', async () => {
    const long = 'a'.repeat(80)
    const paths = Object.fromEntries(
      ['/a', '/b', '/c', '/d'].map((path, at) => [
        path,
        { get: { operationId: ['same', 'same', long, undefined][at], responses: {} } },
      ]),
    )
    const names = async (entries: [string, unknown][]) =>
      Object.fromEntries(
        (await openDocument({ ...get(), paths: Object.fromEntries(entries) }, upstream)).tools.map(
          ({ name, description }) => [description, name],
        ),
      )
    const one = await names(Object.entries(paths))
    expect(await names(Object.entries(paths).toReversed())).toEqual(one)
    const all = Object.values(one)
    expect(new Set(all).size).toBe(4)
    expect(all.every((name) => `api___${String(name)}`.length <= 64 && /^[A-Za-z0-9_-]+$/.test(String(name)))).toBe(
      true,
    )
    expect(one['GET /d']).toBe('GET_d')
  })

  it('are there beside a bad operation, which is skipped with a warning', async () => {
    const paths = {
      '/good': { get: { operationId: 'good', responses: {} } },
      '/bad': { get: { operationId: 'bad', parameters: [{ $ref: '#/components/parameters/Nowhere' }], responses: {} } },
    }
    const { tools, warnings } = await openDocument({ ...get(), paths }, upstream)
    expect(tools.map(({ name }) => name)).toEqual(['good'])
    expect(warnings).toEqual([
      'api: GET /bad is skipped: a parameter refers to #/components/parameters/Nowhere, which is not there',
    ])
  })

  it('read other documents, relative to where theirs is', async () => {
    const document = json({ $ref: './schemas/pet.yaml#/Pet' })
    const load = async (address: string) => {
      if (address === 'https://docs.example.com/schemas/pet.yaml')
        return 'Pet: { type: object, properties: { name: { type: string }, tag: { $ref: "tag.json" } } }'
      if (address === 'https://docs.example.com/schemas/tag.json') return '{"type":"integer"}'
      throw new Error('not there')
    }
    const { tools } = await openDocument(document, upstream, {
      options: { address: 'https://docs.example.com/api.json', load },
    })
    expect(tools[0]!.inputSchema.properties).toEqual({ name: { type: 'string' }, tag: { type: 'integer' } })
  })
})
