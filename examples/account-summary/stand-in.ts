// Stands in for Cost Explorer and the Resource Groups Tagging API in `fairlead dev`: their own wire shapes (AWS JSON 1.1),
// made-up data. It prints where it is, and ends when its parent does.
import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Answer = (input: Record<string, unknown>) => { status?: number; body: Record<string, unknown> }

const operations: Record<string, Answer> = {
  'AWSInsightsIndexService.GetCostAndUsage': (input) => {
    const accountId = firstValue(input.Filter, 'LINKED_ACCOUNT')
    if (!/^\d{12}$/.test(accountId)) return failure('ValidationException', 'The account id has 12 digits.')
    const Groups = [
      'Amazon Elastic Compute Cloud - Compute',
      'AWS Lambda',
      'Amazon DynamoDB',
      'Amazon Simple Storage Service',
    ].map((service, at) => ({
      Keys: [service],
      Metrics: { UnblendedCost: { Amount: (made(accountId, at) / 7).toFixed(10), Unit: 'USD' } },
    }))
    return {
      body: {
        ResultsByTime: [{ TimePeriod: input.TimePeriod, Total: {}, Groups, Estimated: true }],
        DimensionValueAttributes: [],
      },
    }
  },
  'ResourceGroupsTaggingAPI_20170126.GetResources': (input) => {
    const filters = input.TagFilters as { Key: string; Values: string[] }[] | undefined
    const accountId = filters?.find(({ Key }) => Key === 'account')?.Values[0] ?? ''
    const kinds = [
      'ec2:us-east-1:ACCOUNT:instance/i-',
      'ec2:us-east-1:ACCOUNT:volume/vol-',
      'ec2:us-east-1:ACCOUNT:elastic-ip/eipalloc-',
      'rds:us-east-1:ACCOUNT:db:reports-',
      'lambda:us-east-1:ACCOUNT:function:orders-',
    ]
    const list = kinds.map((kind, at) => ({
      ResourceARN: `arn:aws:${kind.replace('ACCOUNT', accountId)}${made(accountId, at).toString(16)}`,
      Tags: [{ Key: 'account', Value: accountId }],
    }))
    return { body: { PaginationToken: '', ResourceTagMappingList: list } }
  },
  'ResourceGroupsTaggingAPI_20170126.TagResources': (input) => {
    const arns = (input.ResourceARNList ?? []) as string[]
    const wrong = arns.filter((arn) => !/^arn:[^:]+:[^:]+:[^:]*:[^:]*:.+/.test(arn))
    return {
      body: {
        FailedResourcesMap: Object.fromEntries(
          wrong.map((arn) => [
            arn,
            {
              StatusCode: 400,
              ErrorCode: 'InvalidParameterException',
              ErrorMessage: 'That is not an ARN of a resource.',
            },
          ]),
        ),
      },
    }
  },
}

const server = createServer((req, res) => void answer(req, res))
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })),
)
process.stdin.resume().on('end', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const operation = operations[String(req.headers['x-amz-target'])]
  const { status = 200, body } = operation
    ? operation(await read(req))
    : failure('UnknownOperationException', 'The stand-in does not know that operation.')
  res
    .writeHead(status, {
      'content-type': 'application/x-amz-json-1.1',
      'x-amzn-requestid': '00000000-0000-0000-0000-000000000000',
    })
    .end(JSON.stringify(body))
}

async function read(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = ''
  for await (const chunk of req) text += String(chunk)
  return JSON.parse(text || '{}') as Record<string, unknown>
}

function failure(type: string, message: string): { status: number; body: Record<string, unknown> } {
  return { status: 400, body: { __type: type, message } }
}

/** A number that is always the same for an account. */
function made(accountId: string, at: number): number {
  return createHash('sha256').update(`${accountId}/${at}`).digest().readUInt16BE()
}

function firstValue(filter: unknown, key: string): string {
  const { Dimensions } = (filter ?? {}) as { Dimensions?: { Key: string; Values: string[] } }
  return Dimensions?.Key === key ? (Dimensions.Values[0] ?? '') : ''
}
