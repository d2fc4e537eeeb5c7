import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalDynamo, type LocalDynamo } from '../../src/local/dynamodb/start.ts'
import { createTaskStore, type TaskStore } from '../../src/mcp/tasks/store.ts'
import { openDynamoTable } from '../../src/state/dynamodb.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import type { Table } from '../../src/state/table.ts'

let clock = Date.now()
const now = () => clock
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
  ['in memory', async () => new MemoryTable({ now })],
  ['in DynamoDB', async () => openDynamoTable({ tableName: dynamo.tableName, now })],
] as [string, () => Promise<Table>][])('tasks %s', (_name, open) => {
  let table: Table
  let a: TaskStore
  let b: TaskStore
  beforeAll(async () => {
    table = await open()
    a = createTaskStore(table, { now, leaseMs: 1000 })
    b = createTaskStore(table, { now, leaseMs: 1000 })
  })
  afterAll(() => table.close())

  it('are seen by another process, and by no other principal', async () => {
    const { taskId } = (await a.create('ada'))!
    expect(await b.get('ada', taskId)).toMatchObject({ taskId, status: 'working' })
    expect(await b.get('grace', taskId)).toBeUndefined()
    expect(await b.end('grace', taskId, { status: 'cancelled' })).toBeUndefined()
  })

  it('end once: a result after a cancellation is not written', async () => {
    const { taskId } = (await a.create('ada'))!
    expect(await b.end('ada', taskId, { status: 'cancelled' })).toMatchObject({ status: 'cancelled' })
    expect(await a.end('ada', taskId, { status: 'completed', result: {} })).toBeUndefined()
    expect(await a.renew('ada', taskId)).toBeUndefined()
    expect(await a.get('ada', taskId)).toMatchObject({ status: 'cancelled' })
  })

  it('end once when 10 end one at the same time', async () => {
    const { taskId } = (await a.create('ada'))!
    const ended = await Promise.all(
      Array.from({ length: 10 }, () => a.end('ada', taskId, { status: 'completed', result: {} })),
    )
    expect(ended.filter(Boolean)).toHaveLength(1)
  })

  it('fail when their process gives no sign of life, and not before', async () => {
    const { taskId } = (await a.create('ada'))!
    clock += 900
    await a.renew('ada', taskId)
    clock += 900
    await b.change('ada', taskId, () => ({ status: 'input_required' }))
    await b.change('ada', taskId, () => ({ status: 'working' }))
    expect(await b.get('ada', taskId)).toMatchObject({ status: 'working' })
    clock += 200
    expect(await b.get('ada', taskId)).toMatchObject({ status: 'failed' })
    expect(await a.end('ada', taskId, { status: 'completed', result: {} })).toBeUndefined()
  })

  it('fail when the result is too large to keep', async () => {
    const { taskId } = (await a.create('ada'))!
    await a.end('ada', taskId, { status: 'completed', result: 'x'.repeat(400_000) })
    const task = await b.get('ada', taskId)
    expect(task).toMatchObject({ status: 'failed' })
    expect(task).not.toHaveProperty('result')
  })

  it('are bounded for each principal', async () => {
    const few = createTaskStore(table, { now, maxPerPrincipal: 2 })
    expect([await few.create('bob'), await few.create('bob'), await few.create('bob')][2]).toBeUndefined()
    expect(await few.create('eve')).toBeDefined()
  })
})
