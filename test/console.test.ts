import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startControl, type Control } from '../src/console/control.ts'

let control: Control
let restarts = 0

beforeAll(async () => {
  control = await startControl(
    { status: () => ({ name: 'demo' }), requests: () => [{ id: 'r-1' }], restart: async () => void restarts++ },
    0,
  )
})
afterAll(async () => control.close())

function get(
  headers: Record<string, string>,
  path = '/api/status',
  method = 'GET',
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const call = request(control.url + path, { method, headers }, (response) => {
      let body = ''
      response.on('data', (chunk: Buffer) => (body += chunk.toString()))
      response.on('end', () => resolve({ status: response.statusCode!, body }))
    })
    call.on('error', reject)
    call.end()
  })
}

describe('the control API', () => {
  it('answers who has the token', async () => {
    const authorization = `Bearer ${control.token}`
    expect(await get({ authorization })).toEqual({ status: 200, body: '{"name":"demo"}' })
    expect((await get({ authorization }, '/api/requests')).body).toContain('r-1')
    expect((await get({ authorization }, '/api/restart', 'POST')).status).toBe(200)
    expect(restarts).toBe(1)
    expect((await get({ authorization }, '/api/else')).status).toBe(404)
  })

  it('refuses a missing and a wrong token', async () => {
    expect((await get({})).status).toBe(401)
    expect((await get({ authorization: `Bearer ${control.token.slice(1)}x` })).status).toBe(401)
  })

  it('refuses a foreign Host or Origin even with the token', async () => {
    const authorization = `Bearer ${control.token}`
    expect((await get({ authorization, host: 'evil.example' })).status).toBe(403)
    expect((await get({ authorization, origin: 'https://evil.example' })).status).toBe(403)
  })
})
