import { expect, it } from 'vitest'
import { serveProcess } from '../../src/adapters/http.ts'
import { fargateTimeouts } from '../../src/aws/fargate-timeouts.ts'

it('a process keeps idle connections longer than the load balancer in front of it', async () => {
  const before = process.listeners('SIGTERM')
  const fetchHandler = async () => new Response('ok')
  const server = await serveProcess(
    { fetch: fetchHandler, drain: () => {}, close: async () => {} },
    { HOST: '127.0.0.1', PORT: '0' },
  )
  for (const listener of process.listeners('SIGTERM'))
    if (!before.includes(listener)) process.removeListener('SIGTERM', listener)
  const said = (await fetch(server.url)).headers.get('keep-alive')
  await server.close()
  const keptS = Number(/timeout=(\d+)/.exec(said ?? '')?.[1])
  expect(keptS).toBe(fargateTimeouts.keepAliveS)
  expect(keptS).toBeGreaterThan(fargateTimeouts.albIdleS)
})
