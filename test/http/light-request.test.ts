import { expect, it } from 'vitest'
import { LightRequest } from '../../src/http/light-request.ts'

it('gives its own bytes as an ArrayBuffer, and not the memory around them', async () => {
  // Small Buffers share one piece of memory.
  const [before, bytes] = [Buffer.from('of another request'), Buffer.from('its own')]
  expect(bytes.buffer.byteLength).toBeGreaterThan(bytes.byteLength)
  const request = new LightRequest({
    method: 'POST',
    origin: 'http://localhost',
    target: '/',
    rawHeaders: [],
    bytes,
    signal: new AbortController().signal,
  })
  expect(Buffer.from(await request.arrayBuffer()).toString()).toBe('its own')
  expect(before.toString()).toBe('of another request')
})
