import type { AttributeValue, DynamoDBClient, UpdateItemCommand } from '@aws-sdk/client-dynamodb'
import { indexOf, keyOf, type Entry, type Table, type WriteOptions } from './table.ts'

type Item = Record<string, AttributeValue>

/**
 * What the table looks like: `pk` is the key, `exp` the TTL attribute, and the index `by-index` finds keys by `idx`.
 * `deploy` makes this table, and the local stack makes it too.
 */
export const tableShape = {
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' },
    { AttributeName: 'idx', AttributeType: 'S' },
  ],
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by-index',
      KeySchema: [{ AttributeName: 'idx', KeyType: 'HASH' }],
      Projection: { ProjectionType: 'KEYS_ONLY' },
    },
  ],
  BillingMode: 'PAY_PER_REQUEST',
} as const

export interface DynamoOptions {
  tableName: string
  now?: () => number
}

/**
 * Opens state in a DynamoDB table, through the AWS SDK; credentials, region and endpoint come from the standard chain
 * (`AWS_ENDPOINT_URL_DYNAMODB` moves it to another DynamoDB). DynamoDB removes what has ended late, so expiry is checked
 * on every read. One-item conditional writes only.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
 */
export async function openDynamoTable(options: DynamoOptions): Promise<Table> {
  const sdk = await import('@aws-sdk/client-dynamodb')
  return new DynamoTable(new sdk.DynamoDBClient({ maxAttempts: 5 }), sdk, options)
}

class DynamoTable implements Table {
  readonly #client: DynamoDBClient
  readonly #sdk: typeof import('@aws-sdk/client-dynamodb')
  readonly #table: { TableName: string }
  readonly #now: () => number

  constructor(client: DynamoDBClient, sdk: typeof import('@aws-sdk/client-dynamodb'), options: DynamoOptions) {
    this.#client = client
    this.#sdk = sdk
    this.#table = { TableName: options.tableName }
    this.#now = options.now ?? Date.now
  }

  async get<T>(kind: string, id: string): Promise<Entry<T> | undefined> {
    return this.#read<T>(keyOf(kind, id))
  }

  async write(kind: string, id: string, value: unknown, options: WriteOptions): Promise<boolean> {
    const now = this.#seconds()
    const condition =
      options.if === undefined
        ? {}
        : options.if === 'absent'
          ? { ConditionExpression: 'attribute_not_exists(pk) OR #exp <= :now' }
          : { ConditionExpression: 'rev = :rev AND #exp > :now' }
    const values: Item = {
      ':v': { S: JSON.stringify(value) },
      ':expires': { N: String(now + options.ttlS) },
      ':one': { N: '1' },
      ':zero': { N: '0' },
      ...(options.if === undefined ? {} : { ':now': { N: String(now) } }),
      ...(typeof options.if === 'number' ? { ':rev': { N: String(options.if) } } : {}),
      ...(options.index === undefined ? {} : { ':idx': { S: indexOf(options.index) } }),
    }
    return this.#conditional(
      new this.#sdk.UpdateItemCommand({
        ...this.#table,
        Key: { pk: { S: keyOf(kind, id) } },
        UpdateExpression: `SET v = :v, #exp = :expires, rev = if_not_exists(rev, :zero) + :one${options.index === undefined ? ' REMOVE idx' : ', idx = :idx'}`,
        ExpressionAttributeNames: { '#exp': 'exp' },
        ExpressionAttributeValues: values,
        ...condition,
      }),
    )
  }

  async remove(kind: string, id: string): Promise<void> {
    await this.#delete(keyOf(kind, id))
  }

  async list<T>(index: string): Promise<Entry<T>[]> {
    const keys = await this.#indexed(index)
    const entries = await Promise.all(keys.map((key) => this.#read<T>(key)))
    return entries.filter((entry) => entry !== undefined)
  }

  async removeIndexed(index: string): Promise<void> {
    await Promise.all((await this.#indexed(index)).map((key) => this.#delete(key)))
  }

  async count(kind: string, id: string, windowS: number): Promise<number> {
    const window = Math.floor(this.#seconds() / windowS)
    const { Attributes } = await this.#client.send(
      new this.#sdk.UpdateItemCommand({
        ...this.#table,
        Key: { pk: { S: keyOf(kind, `${id}|${window}`) } },
        UpdateExpression: 'SET #exp = :expires ADD n :one',
        ExpressionAttributeNames: { '#exp': 'exp' },
        ExpressionAttributeValues: { ':expires': { N: String((window + 2) * windowS) }, ':one': { N: '1' } },
        ReturnValues: 'UPDATED_NEW',
      }),
    )
    return Number(Attributes?.n?.N)
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  async #read<T>(pk: string): Promise<Entry<T> | undefined> {
    const { Item: item } = await this.#client.send(
      new this.#sdk.GetItemCommand({ ...this.#table, Key: { pk: { S: pk } }, ConsistentRead: true }),
    )
    const expires = Number(item?.exp?.N ?? 0)
    if (!item?.v?.S || expires <= this.#seconds()) return undefined
    return { value: JSON.parse(item.v.S) as T, rev: Number(item.rev?.N), expires }
  }

  async #indexed(index: string): Promise<string[]> {
    const { Items = [] } = await this.#client.send(
      new this.#sdk.QueryCommand({
        ...this.#table,
        IndexName: 'by-index',
        KeyConditionExpression: 'idx = :idx',
        ExpressionAttributeValues: { ':idx': { S: indexOf(index) } },
        Limit: 1000,
      }),
    )
    return Items.map(({ pk }) => pk!.S!)
  }

  async #delete(pk: string): Promise<void> {
    await this.#client.send(new this.#sdk.DeleteItemCommand({ ...this.#table, Key: { pk: { S: pk } } }))
  }

  async #conditional(command: UpdateItemCommand): Promise<boolean> {
    try {
      await this.#client.send(command)
      return true
    } catch (error) {
      if ((error as Error).name === 'ConditionalCheckFailedException') return false
      throw error
    }
  }

  #seconds(): number {
    return Math.floor(this.#now() / 1000)
  }
}
