import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Faults } from '../src/local/faults.ts'
import { startControl, type Control } from '../src/console/control.ts'

let control: Control
let restarts = 0

beforeAll(async () => {
  control = await startControl(
    {
      status: () => ({ name: 'demo' }),
      requests: () => [{ id: 'r-1' }],
      flush: async () => {},
      restart: async () => void restarts++,
      faults: new Faults(),
    },
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

  it('switches faults on and off', async () => {
    const headers = { authorization: `Bearer ${control.token}`, 'content-type': 'application/json' }
    const set = async (body: string) => fetch(`${control.url}/api/faults`, { method: 'POST', headers, body })
    expect((await set('{"name":"cold-start","on":true}')).status).toBe(200)
    expect((await get({ authorization: headers.authorization }, '/api/faults')).body).toMatch(
      /cold-start[^}]*"on":true/,
    )
    expect((await set('{"name":"cold-start","on":false}')).status).toBe(200)
    const unknown = await set('{"name":"cold-strat","on":true}')
    expect([unknown.status, await unknown.text()]).toEqual([400, expect.stringContaining('did you mean cold-start')])
    expect((await set('{')).status).toBe(400)
    expect((await set('{"name":5}')).status).toBe(400)
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
