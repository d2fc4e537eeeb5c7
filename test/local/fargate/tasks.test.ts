import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signIn } from '../../../src/connect/sign-in.ts'
import { startStack, type Stack } from '../../../src/local/stack.ts'
import { signingProxy } from '../../interop/signing-proxy.ts'
import { extension, rpc } from '../../mcp/support/task-endpoint.ts'
import { temporaryFolder } from '../../support/temporary.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let stack: Stack
let url: string
const bearers: { headers: Record<string, string> }[] = []

beforeAll(async () => {
  folder = await temporaryFolder()
  const entry = fileURLToPath(new URL('../../fixtures/task-server.ts', import.meta.url))
  const config = {
    name: 'tasks',
    server: { kind: 'module' as const, entry },
    tools: { slow_compute: { task: true } },
    platforms: { lambda: {}, fargate: { tasks: 2 } },
  }
  stack = await startStack({ dir: folder.path, configFile: '', config }, { port: 0 })
  url = stack.endpoints.fargate!.url
  for (const user of stack.users) {
    const { accessToken } = await signIn({ url, ...user })
    bearers.push({ headers: { authorization: `Bearer ${accessToken}` } })
  }
}, 30_000)
afterAll(async () => {
  await stack.close()
  await folder.remove()
})

const slow = (seconds: number) => ({ name: 'slow_compute', arguments: { seconds, label: 'sum' } })

describe('tasks on fargate', () => {
  it('are answered for by whichever process a request reaches', async () => {
    const { result } = await rpc(url, 'tools/call', slow(1), bearers[0])
    expect(result).toMatchObject({ resultType: 'task', status: 'working' })
    const get = async () => (await rpc(url, 'tasks/get', { taskId: result!.taskId }, bearers[0])).result
    const several = await Promise.all(Array.from({ length: 6 }, get))
    for (const each of several) expect(each).toMatchObject({ status: 'working' })
    await expect.poll(get, { timeout: 5000 }).toMatchObject({
      status: 'completed',
      result: { content: [{ text: 'sum: done' }] },
    })
  })

  it('belong to who signed in', async () => {
    const { result } = await rpc(url, 'tools/call', slow(60), bearers[0])
    const { taskId } = result!
    expect((await rpc(url, 'tasks/cancel', { taskId }, bearers[1])).error).toMatchObject({ code: -32602 })
    expect((await rpc(url, 'tasks/cancel', { taskId }, bearers[0])).result).toMatchObject({ resultType: 'complete' })
    const task = await rpc(url, 'tasks/get', { taskId }, bearers[0])
    expect(task.result).toMatchObject({ status: 'cancelled' })
  })

  it('are not offered on lambda, where the same artifact answers when the tool has ended', async () => {
    const signed = await signingProxy(stack.endpoints.lambda!.url, stack.identities[0]!)
    const discovered = await rpc(`${signed.url}/mcp`, 'server/discover', {})
    expect(discovered.result?.capabilities).toBeDefined()
    expect(JSON.stringify(discovered.result)).not.toContain(extension)
    expect((await rpc(`${signed.url}/mcp`, 'tools/call', slow(1))).result).toMatchObject({
      resultType: 'complete',
      content: [{ text: 'sum: done' }],
    })
    await signed.close()
  })
})
