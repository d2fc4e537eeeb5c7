import { MemoryTable } from '../state/memory.ts'
import type { Table } from '../state/table.ts'

/**
 * Opens the state that this process shares with its siblings: the DynamoDB table that FAIRLEAD_TABLE names, when it is
 * first asked for something; in memory where there is none, which suits a process that is alone.
 */
export function sharedState(env: NodeJS.ProcessEnv): Table {
  const tableName = env.FAIRLEAD_TABLE
  if (tableName === undefined) return new MemoryTable()
  let opened: Promise<Table> | undefined
  const table = () =>
    (opened ??= import('../state/dynamodb.ts').then(({ openDynamoTable }) => openDynamoTable({ tableName })))
  return {
    get: async (kind, id) => (await table()).get(kind, id),
    write: async (kind, id, value, options) => (await table()).write(kind, id, value, options),
    remove: async (kind, id) => (await table()).remove(kind, id),
    list: async (index) => (await table()).list(index),
    removeIndexed: async (index) => (await table()).removeIndexed(index),
    count: async (kind, id, windowS) => (await table()).count(kind, id, windowS),
    close: async () => (await opened)?.close(),
  }
}
