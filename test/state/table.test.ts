import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { startLocalDynamo, type LocalDynamo } from '../../src/local/dynamodb/start.ts'
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
] as [string, () => Promise<Table>][])('a table %s', (_name, open) => {
  let table: Table
  beforeAll(async () => {
    table = await open()
  })
  afterAll(() => table.close())

  it('gives what was written, and nothing for what was not', async () => {
    await table.write('Session', 'a', { n: 1, text: 'grüße' }, { ttlS: 60 })
    expect(await table.get('Session', 'a')).toMatchObject({ value: { n: 1, text: 'grüße' }, rev: 1 })
    expect(await table.get('Grant', 'a')).toBeUndefined()
    await table.remove('Session', 'a')
    expect(await table.get('Session', 'a')).toBeUndefined()
  })

  it('creates once: one of 20 at once wins', async () => {
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, n) => table.write('Code', 'once', { n }, { ttlS: 60, if: 'absent' })),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
  })

  it('changes only what nobody changed meanwhile: one of 20 at once wins', async () => {
    await table.write('Token', 't', { consumed: false }, { ttlS: 60 })
    const { rev } = (await table.get('Token', 't'))!
    const won = await Promise.all(
      Array.from({ length: 20 }, (_, n) => table.write('Token', 't', { consumed: n }, { ttlS: 60, if: rev })),
    )
    expect(won.filter(Boolean)).toHaveLength(1)
    expect(await table.write('Token', 'absent', {}, { ttlS: 60, if: 1 })).toBe(false)
  })

  it('never gives what has ended, and lets it be created anew', async () => {
    await table.write('Code', 'short', { a: 1 }, { ttlS: 10 })
    clock += 10_000
    expect(await table.get('Code', 'short')).toBeUndefined()
    expect(await table.write('Code', 'short', { a: 2 }, { ttlS: 10, if: 'absent' })).toBe(true)
  })

  it('finds and removes by index', async () => {
    await table.write('Token', 'x', { n: 1 }, { ttlS: 60, index: 'grant-1' })
    await table.write('Token', 'y', { n: 2 }, { ttlS: 60, index: 'grant-1' })
    await table.write('Token', 'z', { n: 3 }, { ttlS: 60, index: 'grant-2' })
    const values = (await table.list<{ n: number }>('grant-1')).map(({ value }) => value.n)
    expect(values.toSorted((a, b) => a - b)).toEqual([1, 2])
    await table.removeIndexed('grant-1')
    expect(await table.list('grant-1')).toEqual([])
    expect(await table.get('Token', 'z')).toBeDefined()
  })

  it('counts in windows, also when 30 count at once', async () => {
    const counts = await Promise.all(Array.from({ length: 30 }, () => table.count('Rate', '203.0.113.7', 60)))
    expect(counts.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, n) => n + 1))
    clock += 60_000
    expect(await table.count('Rate', '203.0.113.7', 60)).toBe(1)
  })
})

describe('a DynamoDB table', () => {
  it('holds no id in clear, and an end for every item', async () => {
    const table = await openDynamoTable({ tableName: dynamo.tableName })
    await table.write('RefreshToken', 'very-secret-token', { a: 1 }, { ttlS: 60, index: 'secret-grant' })
    const client = new DynamoDBClient({})
    const { Items = [] } = await client.send(new ScanCommand({ TableName: dynamo.tableName }))
    expect(JSON.stringify(Items)).not.toMatch(/very-secret-token|secret-grant/)
    expect(Items.length).toBeGreaterThan(0)
    for (const item of Items) expect(Number(item.exp?.N)).toBeGreaterThan(0)
    await table.close()
    client.destroy()
  })
})
