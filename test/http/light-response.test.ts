import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { LightResponse } from '../../src/http/light-response.ts'

const native = globalThis.Response
beforeAll(() => LightResponse.install())
afterAll(() => {
  globalThis.Response = native
})

describe('Response, when the light one is installed', () => {
  it.each([
    ['text', () => new Response('grüße')],
    ['JSON', () => Response.json({ a: 1 }, { status: 201, headers: { 'x-a': '1' } })],
    ['nothing', () => new Response(null, { status: 204 })],
    ['bytes', () => new Response(new Uint8Array([1, 2]))],
    [
      'text with headers',
      () => new Response('{}', { status: 404, headers: { 'content-type': 'application/json', 'set-cookie': 'a=1' } }),
    ],
  ])('is what the real one is, made of %s', async (_name, make) => {
    const light = make()
    globalThis.Response = native
    const real = make()
    LightResponse.install()
    expect([light.status, light.ok, [...light.headers], Buffer.from(await light.clone().arrayBuffer())]).toEqual([
      real.status,
      real.ok,
      [...real.headers],
      Buffer.from(await real.clone().arrayBuffer()),
    ])
    expect(light instanceof Response).toBe(true)
    expect(await new Response(light.body).text()).toBe(await new native(real.body).text())
  })

  it('is also what fetch gives', async () => {
    expect((await fetch('data:text/plain,hello')) instanceof Response).toBe(true)
    expect({} instanceof Response).toBe(false)
  })
})
