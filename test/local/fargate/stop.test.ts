import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildArtifact } from '../../../src/build/build.ts'
import { Task } from '../../../src/local/fargate/task.ts'
import { startWatchdog } from '../../../src/local/lambda/watchdog.ts'
import { temporaryFolder } from '../../support/temporary.ts'
import { logged } from '../../support/log-capture.ts'

const watchdog = startWatchdog()
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let artifactDir: string
beforeAll(async () => {
  folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../../fixtures/pid-server.ts', import.meta.url))
  const config = { name: 'stop', server: { kind: 'module' as const, entry }, platforms: { lambda: {} } }
  artifactDir = (await buildArtifact({ projectDir: folder.path, config, outDir: `${folder.path}/out` })).dir
})
afterAll(async () => {
  watchdog.close()
  await folder.remove()
})

describe('a task that is asked to stop', () => {
  it('fails its health check, refuses what is new, finishes what is in flight, and ends by itself', async () => {
    const task = new Task({
      node: process.execPath,
      artifactDir,
      env: {},
      memoryMb: 512,
      log: logged,
      watchdog,
      stopTimeoutS: 15,
      startTimeoutMs: 15_000,
    })
    const origin = `http://127.0.0.1:${await task.listening()}`
    const post = (name: string, args: unknown, progressToken?: number) =>
      fetch(`${origin}/mcp`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
        body: JSON.stringify({
          jsonrpc: '2.0',
          id: 1,
          method: 'tools/call',
          params: { name, arguments: args, ...(progressToken ? { _meta: { progressToken } } : {}) },
        }),
      })
    expect((await fetch(`${origin}/healthz`)).status).toBe(200)
    // The stream has begun, so the call is in flight; a second connection is open before the task stops listening.
    const slow = await post('slow', { ms: 1500 }, 1)
    const stopped = task.stop()
    const health = async () =>
      fetch(`${origin}/healthz`).then(
        ({ status }) => status,
        () => 0,
      )
    await expect.poll(health).not.toBe(200)
    const late = await post('pid', {}).then(
      ({ status }) => status,
      () => 0,
    )
    expect([0, 503]).toContain(late)
    expect(await slow.text()).toContain('"result"')
    await stopped
    expect(await task.ended).toBe('exit code 0')
  })
})
