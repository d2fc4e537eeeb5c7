import { randomBytes } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import { tableShape } from '../../state/dynamodb.ts'

export interface LocalDynamo {
  /** The variables that bring the AWS SDK, and so the server, to this table. */
  env: Record<string, string>
  tableName: string
  close(): Promise<void>
}

/**
 * Starts a DynamoDB in memory and makes the table for shared state. What it lacks of the real one: the TTL that removes
 * items (nobody relies on that), transactions, PartiQL.
 */
export async function startLocalDynamo(region: string): Promise<LocalDynamo> {
  const { dynalite } = await import('./dynalite.ts')
  const server = dynalite({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const tableName = 'fairlead'
  const credentials = { accessKeyId: 'local', secretAccessKey: randomBytes(16).toString('hex') }
  const { CreateTableCommand, DynamoDBClient } = await import('@aws-sdk/client-dynamodb')
  const client = new DynamoDBClient({ endpoint: url, region, credentials })
  await client.send(
    new CreateTableCommand({
      TableName: tableName,
      ...structuredClone(tableShape),
    } as unknown as ConstructorParameters<typeof CreateTableCommand>[0]),
  )
  client.destroy()
  return {
    env: {
      AWS_ENDPOINT_URL_DYNAMODB: url,
      AWS_REGION: region,
      AWS_ACCESS_KEY_ID: credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
      FAIRLEAD_TABLE: tableName,
    },
    tableName,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
