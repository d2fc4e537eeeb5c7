import { afterEach, describe, expect, it, vi } from 'vitest'
import { listen } from '../../src/http/node-server.ts'

afterEach(() => vi.restoreAllMocks())

describe('a handler that throws', () => {
  it('is answered with 500 that tells nothing, and the log has the cause', async () => {
    const said = vi.spyOn(console, 'error').mockImplementation(() => {})
    const server = await listen(async () => {
      throw new Error('the pump is broken')
    })
    const response = await fetch(server.url)
    expect([response.status, await response.text()]).toEqual([500, ''])
    expect(said.mock.calls.map(([line]) => String(line)).join()).toContain('the pump is broken')
    await server.close()
  })
})
