import { fork } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import {
  acceptedContent,
  inputRequired,
  McpServer,
  ProtocolError,
  Server,
  type McpServerFactory,
  type ServerContext,
} from '@modelcontextprotocol/server'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import * as z from 'zod'
import { startLocalDynamo, type LocalDynamo } from '../../src/local/dynamodb/start.ts'
import type { EndpointOptions, LogEntry } from '../../src/mcp/endpoint.ts'
import type { TasksOptions } from '../../src/mcp/tasks/tasks.ts'
import { timeoutOf } from '../../src/mcp/tool-guard.ts'
import { openDynamoTable } from '../../src/state/dynamodb.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import type { Table } from '../../src/state/table.ts'
import fixture, { tools as fixtureTools } from '../fixtures/task-server.ts'
import { declared, extension, rpc, startTasks, type Answer } from './support/task-endpoint.ts'
import { logged } from '../support/log-capture.ts'

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close()
})

type Run = (context: ServerContext) => Promise<unknown>

/** A server with one tool, `work`, that is offered as a task. */
const one =
  (run: Run, config: object = {}): McpServerFactory =>
  () => {
    const server = new McpServer({ name: 'one', version: '1.0.0' }, { capabilities: { logging: {} } })
    server.registerTool('work', config, run as never)
    return server
  }

async function start(factory: McpServerFactory, options: EndpointOptions & { keep?: Partial<TasksOptions> } = {}) {
  const { keep, tools = { work: { task: true } }, ...rest } = options
  const started = await startTasks(factory, { ...rest, tools, keep: { table: new MemoryTable(), ...keep } })
  closers.push(started.close)
  return started
}

/** The index of what has not ended. */
const anonymousTasks = 'mcp-task|["anonymous","",""]'
const text = (value: string) => ({ content: [{ type: 'text', text: value }] })
const call = async (url: string, options: Parameters<typeof rpc>[3] = {}) =>
  rpc(url, 'tools/call', { name: 'work', arguments: {} }, options)
const get = async (url: string, taskId: string, caller?: string) =>
  (await rpc(url, 'tasks/get', { taskId }, caller ? { caller } : {})).result!
/** Polls as a client does. */
const until = async (url: string, taskId: string, status: string, caller?: string) => {
  await expect.poll(async () => (await get(url, taskId, caller)).status, { timeout: 8000, interval: 20 }).toBe(status)
  return get(url, taskId, caller)
}
const idOf = ({ result }: Answer) => {
  expect(result?.resultType).toBe('task')
  return result!.taskId!
}
const slow = async ({ mcpReq }: ServerContext) => {
  await delay(200, undefined, { signal: mcpReq.signal })
  return text('done')
}
/** Ends with its signal alone. */
const endless = async ({ mcpReq }: ServerContext) => delay(60_000, undefined, { signal: mcpReq.signal })
const question = {
  message: 'Who?',
  requestedSchema: { type: 'object' as const, properties: { name: { type: 'string' as const } }, required: ['name'] },
}
const asking = async ({ mcpReq }: ServerContext) => {
  const { action, content } = await mcpReq.elicitInput(question)
  return text(action === 'accept' ? `Hello, ${String(content?.name)}` : action)
}

describe('a tool that is offered as a task', () => {
  it('answers with a task, and the result is got later', async () => {
    const { url } = await start(one(slow))
    const { status, result } = await call(url)
    expect({ status, ...result }).toMatchObject({ status: 'working', resultType: 'task', ttlMs: 86_400_000 })
    expect(result!.taskId).toMatch(/^[\w-]{32}$/)
    const task = await until(url, result!.taskId!, 'completed')
    expect(task).toMatchObject({ resultType: 'complete', result: { resultType: 'complete', ...text('done') } })
    expect(task).not.toHaveProperty('leaseUntil')
  })

  it('answers at once when it can, without a task', async () => {
    const table = new MemoryTable()
    const { url } = await start(
      one(async () => text('quick')),
      { keep: { table, soonMs: 5000 } },
    )
    expect((await call(url)).result).toMatchObject({ resultType: 'complete', ...text('quick') })
    expect(await table.list(anonymousTasks)).toEqual([])
  })

  it('is followed by the official client, which sees the extension declared', async () => {
    const { url } = await start(one(slow))
    const client = new Client(
      { name: 'test', version: '1.0.0' },
      { capabilities: declared, versionNegotiation: { mode: { pin: '2026-07-28' } } },
    )
    await client.connect(new StreamableHTTPClientTransport(new URL(url)))
    closers.push(() => client.close())
    expect(client.getDiscoverResult()?.capabilities.extensions).toEqual({ [extension]: {} })
    const taskId = idOf(await call(url))
    const ask = async (method: string) => client.request({ method, params: { taskId } }, z.looseObject({}))
    await expect.poll(async () => (await ask('tasks/get')).status).toBe('completed')
    await ask('tasks/cancel')
    expect((await ask('tasks/get')).result).toMatchObject(text('done'))
    for (const removed of ['tasks/result', 'tasks/list'])
      expect(await rpc(url, removed, { taskId })).toMatchObject({ status: 404, error: { code: -32601 } })
  })

  it('answers a client that does not know tasks when it has ended', async () => {
    const { url } = await start(one(slow))
    expect((await call(url, { capabilities: {} })).result).toMatchObject({ resultType: 'complete', ...text('done') })
    const legacy = new Client({ name: 'test', version: '1.0.0' }, { capabilities: declared })
    await legacy.connect(new StreamableHTTPClientTransport(new URL(url)))
    closers.push(() => legacy.close())
    expect(legacy.getServerCapabilities()).not.toHaveProperty('extensions')
    expect(await legacy.callTool({ name: 'work', arguments: {} })).toMatchObject(text('done'))
  })

  it('refuses that client with -32021 when it is `required`', async () => {
    const { url } = await start(one(slow), { tools: { work: { task: 'required' } } })
    const { status, error } = await call(url, { capabilities: { elicitation: {} } })
    expect(status).toBe(400)
    expect(error).toMatchObject({ code: -32021, data: { requiredCapabilities: { extensions: { [extension]: {} } } } })
    const legacy = new Client({ name: 'test', version: '1.0.0' })
    await legacy.connect(new StreamableHTTPClientTransport(new URL(url)))
    closers.push(() => legacy.close())
    await expect(legacy.callTool({ name: 'work', arguments: {} })).rejects.toMatchObject({ code: -32021 })
    idOf(await call(url))
  })

  it('may be one of a server that is not McpServer, as a stdio command is', async () => {
    const factory: McpServerFactory = () => {
      const server = new Server({ name: 'low', version: '1.0.0' }, { capabilities: { tools: {} } })
      server.setRequestHandler('tools/call', async (_request, context) => {
        await slow(context)
        throw new ProtocolError(-32001, `its own words, within ${timeoutOf('work', context, {})} ms`)
      })
      return server
    }
    const { url } = await start(factory)
    const task = await until(url, idOf(await call(url)), 'failed')
    expect(task.error).toEqual({ code: -32001, message: 'its own words, within 3600000 ms' })
  })

  it('has its output checked by its schema', async () => {
    const outputSchema = z.object({ n: z.number() })
    const giving = (n: unknown) =>
      one(async (ctx) => ({ ...(await slow(ctx)), structuredContent: { n } }), { outputSchema })
    const good = await start(giving(7))
    expect((await until(good.url, idOf(await call(good.url)), 'completed')).result).toMatchObject({
      structuredContent: { n: 7 },
    })
    const bad = await start(giving('seven'))
    expect((await until(bad.url, idOf(await call(bad.url)), 'completed')).result).toMatchObject({ isError: true })
  })

  it('says how far it is', async () => {
    const { url } = await start(
      one(async (context) => {
        const params = { progressToken: 1, progress: 1, total: 3, message: 'one of three' }
        await context.mcpReq.notify({ method: 'notifications/progress', params })
        return endless(context)
      }),
    )
    const taskId = idOf(await call(url))
    await expect.poll(async () => (await get(url, taskId)).statusMessage).toBe('one of three')
  })

  it('is stopped when its client goes away before there is a task', async () => {
    let stopped: unknown
    const begun = Promise.withResolvers<void>()
    const { url } = await start(
      one(async (context) => {
        begun.resolve()
        await endless(context).catch((error: unknown) => (stopped = error))
        return text('stopped')
      }),
      { keep: { soonMs: 60_000 } },
    )
    const gone = new AbortController()
    const answer = call(url, { signal: gone.signal })
    await begun.promise
    gone.abort()
    await expect(answer).rejects.toThrow()
    await expect.poll(() => stopped).toBeDefined()
  })
})

describe('what a tool throws', () => {
  it('is kept from the client in a task too', async () => {
    const log: LogEntry[] = []
    const { url } = await start(
      one(async (context) => {
        await slow(context)
        throw new Error('the password is hunter2')
      }),
      { log: (entry) => log.push(logged(entry)) },
    )
    const task = await until(url, idOf(await call(url)), 'completed')
    expect(task.result).toMatchObject({ isError: true })
    expect(JSON.stringify(task)).not.toContain('hunter2')
    expect(JSON.stringify(task)).toContain(log[0]!.logId)
  })

  it('fails the task with its code when it is a protocol error, and with our words', async () => {
    const { url } = await start(
      one(async (context) => {
        await slow(context)
        throw new ProtocolError(-32050, 'the password is hunter2')
      }),
    )
    const task = await until(url, idOf(await call(url)), 'failed')
    expect(task).toMatchObject({ error: { code: -32050 } })
    expect(task).not.toHaveProperty('result')
    expect(JSON.stringify(task)).not.toContain('hunter2')
  })

  it('is that it took too long, by its own limit', async () => {
    const { url } = await start(one(endless), { tools: { work: { task: true, timeoutMs: 100 } } })
    const task = await until(url, idOf(await call(url)), 'completed')
    expect(task.result).toMatchObject({ isError: true })
    expect(JSON.stringify(task.result)).toContain('100 ms')
  })

  it('is not measured by the limit of calls that are waited for', async () => {
    const { url } = await start(one(slow), { toolTimeoutMs: 50 })
    expect((await until(url, idOf(await call(url)), 'completed')).result).toMatchObject(text('done'))
    expect((await call(url, { capabilities: {} })).result).toMatchObject({ isError: true })
  })
})

describe('input that a task needs', () => {
  it('is asked by elicitInput, and the tool goes on with the answer', async () => {
    const { url } = await start(one(asking))
    const taskId = idOf(await call(url))
    const { inputRequests } = (await until(url, taskId, 'input_required')) as { inputRequests: object }
    const [[key, request]] = Object.entries(inputRequests) as [[string, unknown]]
    expect(request).toEqual({ method: 'elicitation/create', params: { mode: 'form', ...question } })
    const inputResponses = { [key]: { action: 'accept', content: { name: 'Ada' } } }
    expect((await rpc(url, 'tasks/update', { taskId, inputResponses })).result).toMatchObject({
      resultType: 'complete',
    })
    expect((await until(url, taskId, 'completed')).result).toMatchObject(text('Hello, Ada'))
    expect(await get(url, taskId)).not.toHaveProperty('inputRequests')
  })

  it('is asked by a result as well, and the tool is run again', async () => {
    const { url } = await start(
      one(async (context) => {
        const given = acceptedContent<{ name: string }>(context.mcpReq.inputResponses, 'who')
        if (given) return text(`Hello, ${given.name}, from ${context.mcpReq.requestState() as string}`)
        await slow(context)
        return inputRequired({ inputRequests: { who: inputRequired.elicit(question) }, requestState: 'here' })
      }),
    )
    const taskId = idOf(await call(url))
    const { inputRequests } = await until(url, taskId, 'input_required')
    const [key] = Object.keys(inputRequests as object)
    const inputResponses = { [key!]: { action: 'accept', content: { name: 'Ada' } } }
    await rpc(url, 'tasks/update', { taskId, inputResponses })
    expect((await until(url, taskId, 'completed')).result).toMatchObject(text('Hello, Ada, from here'))
  })

  it('is not taken when it is not as asked, and the question stays', async () => {
    const { url } = await start(one(asking))
    const taskId = idOf(await call(url))
    const [key] = Object.keys((await until(url, taskId, 'input_required')).inputRequests as object)
    const update = async (response: unknown) =>
      (await rpc(url, 'tasks/update', { taskId, inputResponses: { [key!]: response } })).error?.code
    expect(await update({ action: 'accept', content: { name: 7 } })).toBe(-32602)
    expect(await update({ action: 'maybe' })).toBe(-32602)
    expect(await update({ action: 'accept', content: { name: 'x'.repeat(70_000) } })).toBe(-32602)
    const raw = `{"__proto__":{"action":"accept"},"constructor":{},"other":{"action":"accept"}}`
    const ignored = JSON.parse(raw) as object
    expect((await rpc(url, 'tasks/update', { taskId, inputResponses: ignored })).result).toBeDefined()
    expect((await rpc(url, 'tasks/update', { taskId })).error?.code).toBe(-32602)
    expect(await get(url, taskId)).toMatchObject({ status: 'input_required', inputRequests: { [key!]: {} } })
    expect(await update({ action: 'decline' })).toBeUndefined()
    expect((await until(url, taskId, 'completed')).result).toMatchObject(text('decline'))
  })

  it('is not asked when the call has been answered, and no task is left behind', async () => {
    const table = new MemoryTable()
    let late: () => Promise<unknown>
    const { url } = await start(
      one(async (context) => {
        late = async () => asking(context)
        return text('quick')
      }),
      { keep: { table, soonMs: 5000 } },
    )
    expect((await call(url)).result).toMatchObject({ resultType: 'complete', ...text('quick') })
    await expect(late!()).rejects.toThrow('cannot be asked')
    expect(await table.list(anonymousTasks)).toEqual([])
  })

  it('is not asked of a client that cannot answer', async () => {
    const log: LogEntry[] = []
    const { url } = await start(one(asking), { log: (entry) => log.push(logged(entry)) })
    const answer = await call(url, { capabilities: { extensions: { [extension]: {} } } })
    expect(answer.result).toMatchObject({ isError: true })
    expect(log[0]!.message).toContain('does not support form elicitation')
  })
})

describe('tasks of a principal', () => {
  it('are found by nobody else', async () => {
    const { url } = await start(one(endless))
    const taskId = idOf(await call(url, { caller: 'ada' }))
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      for (const caller of [{ caller: 'grace' }, {}]) {
        const { status, error } = await rpc(url, method, { taskId, inputResponses: {} }, caller)
        expect({ status, code: error?.code }).toEqual({ status: 200, code: -32602 })
      }
    expect(await get(url, taskId, 'ada')).toMatchObject({ status: 'working' })
  })

  it('are bounded, and a call beyond is answered when its tool has ended', async () => {
    let calls = 0
    const firstEndless = one(async (context) => (calls++ === 0 ? endless(context) : slow(context)))
    const { url } = await start(firstEndless, { keep: { maxPerPrincipal: 1 } })
    idOf(await call(url, { caller: 'ada' }))
    expect((await call(url, { caller: 'ada' })).result).toMatchObject({ resultType: 'complete', ...text('done') })
    idOf(await call(url, { caller: 'grace' }))
    calls = 0
    const few = await start(firstEndless, { keep: { maxRunning: 1 } })
    idOf(await call(few.url, { caller: 'ada' }))
    expect((await call(few.url, { caller: 'grace' })).result).toMatchObject({ resultType: 'complete' })
    const parallel = await start(one(endless), {
      keep: { maxPerPrincipal: 3 },
      tools: { work: { task: true, timeoutMs: 400 } },
    })
    const answers = await Promise.all(Array.from({ length: 20 }, async () => call(parallel.url)))
    expect(answers.filter(({ result }) => result?.resultType === 'task')).toHaveLength(3)
    const hourly = await start(one(slow), { keep: { maxPerHour: 1 } })
    await until(hourly.url, idOf(await call(hourly.url)), 'completed')
    expect((await call(hourly.url)).result).toMatchObject({ resultType: 'complete' })
  })

  it('are told to a client that declares the extension alone', async () => {
    const { url } = await start(one(endless))
    const taskId = idOf(await call(url))
    for (const method of ['tasks/get', 'tasks/update', 'tasks/cancel'])
      expect(await rpc(url, method, { taskId, inputResponses: {} }, { capabilities: {} })).toMatchObject({
        status: 400,
        error: { code: -32021 },
      })
    const listen = await rpc(
      url,
      'subscriptions/listen',
      { notifications: { taskIds: [taskId] } },
      { capabilities: {} },
    )
    expect(listen).toMatchObject({ status: 400, error: { code: -32021 } })
  })

  it('are named in a header, which must agree', async () => {
    const { url } = await start(one(endless))
    const taskId = idOf(await call(url))
    const headers = { 'mcp-name': 'another' }
    expect(await rpc(url, 'tasks/get', { taskId }, { headers })).toMatchObject({ status: 400, error: { code: -32020 } })
  })

  it('do not answer when the table does not: the call is waited for', async () => {
    const table = new MemoryTable()
    table.write = async () => {
      throw new Error('The table is gone')
    }
    const log: LogEntry[] = []
    const { url } = await start(one(slow), { keep: { table }, log: (entry) => log.push(logged(entry)) })
    expect((await call(url)).result).toMatchObject({ resultType: 'complete', ...text('done') })
    expect(log[0]!.message).toContain('cannot be kept')
  })
})

describe('a process that stops', () => {
  it('fails what it runs, at once', async () => {
    const table = new MemoryTable()
    const a = await start(one(endless), { keep: { table } })
    const b = await start(one(endless), { keep: { table } })
    const taskId = idOf(await call(a.url))
    await a.endpoint.close()
    expect(await get(b.url, taskId)).toMatchObject({ status: 'failed', error: { message: 'The server has stopped' } })
  })

  it('fails what has not ended in its grace time', async () => {
    const table = new MemoryTable()
    const a = await start(one(endless), { keep: { table, graceMs: 50 } })
    const b = await start(one(endless), { keep: { table } })
    const taskId = idOf(await call(a.url))
    a.endpoint.drain()
    await a.endpoint.close()
    expect(await get(b.url, taskId)).toMatchObject({ status: 'failed' })
  })

  it('lets it end when it is told beforehand', async () => {
    const table = new MemoryTable()
    const a = await start(one(slow), { keep: { table } })
    const b = await start(one(slow), { keep: { table } })
    const taskId = idOf(await call(a.url))
    a.endpoint.drain()
    await a.endpoint.close()
    expect(await get(b.url, taskId)).toMatchObject({ status: 'completed' })
  })
})

let dynamo: LocalDynamo
const before = { ...process.env }
beforeAll(async () => {
  dynamo = await startLocalDynamo('us-east-1')
  Object.assign(process.env, dynamo.env)
})
afterAll(async () => {
  process.env = before
  await dynamo.close()
})

describe.each([
  ['in memory', async () => new MemoryTable()],
  ['in DynamoDB', async () => openDynamoTable({ tableName: dynamo.tableName })],
] as [string, () => Promise<Table>][])('two endpoints over one table, %s', (_name, open) => {
  async function two(run: Run) {
    const table = await open()
    closers.push(() => table.close())
    return { a: await start(one(run), { keep: { table } }), b: await start(one(run), { keep: { table } }) }
  }

  it('both answer for a task', async () => {
    const { a, b } = await two(slow)
    const taskId = idOf(await call(a.url, { caller: 'ada' }))
    expect(await until(b.url, taskId, 'completed', 'ada')).toMatchObject({ result: text('done') })
  })

  it('cancel it: the tool stops in the other, and the end stays', async () => {
    const stopped = Promise.withResolvers<unknown>()
    const { a, b } = await two(async (context) => {
      await endless(context).catch(stopped.resolve)
      return text('too late')
    })
    const taskId = idOf(await call(a.url))
    const cancel = async () => (await rpc(b.url, 'tasks/cancel', { taskId })).result
    expect(await cancel()).toMatchObject({ resultType: 'complete' })
    await stopped.promise
    expect(await cancel()).toMatchObject({ resultType: 'complete' })
    expect(await get(a.url, taskId)).toMatchObject({ status: 'cancelled' })
    expect(await get(a.url, taskId)).not.toHaveProperty('result')
  })

  it('take an answer for the tool in the other', async () => {
    const { a, b } = await two(asking)
    const taskId = idOf(await call(a.url))
    const [key] = Object.keys((await until(b.url, taskId, 'input_required')).inputRequests as object)
    const inputResponses = { [key!]: { action: 'accept', content: { name: 'Ada' } } }
    await rpc(b.url, 'tasks/update', { taskId, inputResponses })
    expect((await until(b.url, taskId, 'completed')).result).toMatchObject(text('Hello, Ada'))
  })
})

describe('a process that dies', () => {
  it('leaves a task that has failed when its lease ends', async () => {
    const child = fork(fileURLToPath(new URL('../fixtures/task-process.ts', import.meta.url)))
    closers.push(async () => child.kill('SIGKILL'))
    const [origin] = (await once(child, 'message')) as [string]
    const table = await openDynamoTable({ tableName: dynamo.tableName })
    closers.push(() => table.close())
    const here = await start(fixture, { tools: fixtureTools, keep: { table } })
    const args = { name: 'slow_compute', arguments: { seconds: 60, label: 'x' } }
    const taskId = idOf(await rpc(origin, 'tools/call', args))
    const leaseUntil = async () => (await table.list<{ leaseUntil: number }>(anonymousTasks))[0]!.value.leaseUntil
    const first = await leaseUntil()
    await expect.poll(leaseUntil, { timeout: 5000 }).toBeGreaterThan(first + 300)
    expect(await get(here.url, taskId)).toMatchObject({ status: 'working' })
    child.kill('SIGKILL')
    const task = await until(here.url, taskId, 'failed')
    expect(task).toMatchObject({ error: { code: -32603, message: expect.stringContaining('process') as string } })
  })
})
