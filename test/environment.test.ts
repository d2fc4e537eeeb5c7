import { describe, expect, it } from 'vitest'
import type { FairleadConfig } from '../src/config.ts'
import { environmentOf } from '../src/environment.ts'

const config: FairleadConfig = {
  name: 'demo',
  server: { kind: 'module', entry: './server.ts' },
  callers: ['arn:aws:iam::000000000000:role/agent'],
  platforms: { lambda: { memoryMb: 512, timeoutS: 30 } },
}
const place = { account: '111122223333', region: 'eu-west-1' }

describe('an environment', () => {
  it('is called default where the configuration has none', () => {
    expect(environmentOf(config)).toEqual({ name: 'default', config })
  })

  it('is the only one there is, and its part is merged key by key', () => {
    const callers = ['arn:aws:iam::111122223333:role/agent']
    const prod = { ...place, config: { callers, platforms: { lambda: { memoryMb: 1024 } } } }
    expect(environmentOf({ ...config, environments: { prod } })).toEqual({
      name: 'prod',
      ...place,
      config: { ...config, callers, platforms: { lambda: { memoryMb: 1024, timeoutS: 30 } } },
    })
  })

  it('may bring another kind of server', () => {
    const server = { kind: 'stdio' as const, command: 'node' }
    const dev = { ...place, config: { server } }
    expect(environmentOf({ ...config, environments: { dev } }).config.server).toEqual(server)
  })

  it.each([
    [{}, 'prod', 'There is no environment prod: the configuration has none'],
    [{ environments: { prod: place, dev: place } }, undefined, 'Which environment? There are prod, dev'],
    [{ environments: { prod: place } }, 'prd', 'did you mean prod'],
  ])('that is not there is named (%#)', (more, given, message) => {
    expect(() => environmentOf({ ...config, ...more }, given)).toThrow(message)
  })
})
