import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { verify } from '../../src/auth/sigv4/verify.ts'
import { lambdaTarget, startGateway, startUpstream, type Running, type Upstream } from './support.ts'

const credentials = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'wJalrXUtnFEMI' }
const tools = [
  { name: 'cancel_order', description: 'Cancels an order', inputSchema: { type: 'object' } },
  { name: 'find_invoice', description: 'Finds an invoice', inputSchema: { type: 'object' } },
  { name: 'list_staff', description: 'Lists the staff', inputSchema: { type: 'object' } },
]

/** Meanings by the words that tell them: what a model would know. */
const meanings = [/cancel|call off/i, /invoice|bill/i, /staff|colleagues/i]

describe('search by embeddings of Bedrock', () => {
  let bedrock: Upstream
  let answer: (inputText: string) => { status: number; body: object } | undefined
  const asked: { path: string; signed: boolean; body: { inputText: string; dimensions: number } }[] = []
  const good = (inputText: string) => {
    const embedding = Array.from({ length: 256 }, (_, at) => (meanings[at]?.test(inputText) ? 1 : 0))
    return { status: 200, body: { embedding, inputTextTokenCount: 3, embeddingsByType: { float: embedding } } }
  }
  beforeEach(async () => {
    asked.length = 0
    answer = good
    bedrock = await startUpstream((req, bytes, res) => {
      const signed = { method: req.method!, target: req.url!, rawHeaders: req.rawHeaders, body: bytes }
      const verified = verify(signed, { service: 'bedrock', region: 'eu-west-1', lookup: () => credentials })
      const body = JSON.parse(bytes.toString()) as { inputText: string; dimensions: number }
      asked.push({ path: req.url!, signed: verified.ok, body })
      const given = answer(body.inputText)
      if (given) res.writeHead(given.status, { 'content-type': 'application/json' }).end(JSON.stringify(given.body))
    })
  })
  afterEach(async () => bedrock.close())

  const start = (url: string | undefined): Promise<Running> =>
    startGateway([lambdaTarget({}, tools)], {
      roleCredentials: async () => credentials,
      bindings: { embeddings: { provider: 'bedrock', region: 'eu-west-1', dimensions: 256 } },
      endpoints: url === undefined ? {} : { 'https://bedrock-runtime.eu-west-1.amazonaws.com': url },
    })
  const found = async (gateway: Running, query: string) =>
    (await gateway.call('x_amz_bedrock_agentcore_search', { query })).structuredContent.tools.map(
      ({ name }: { name: string }) => name,
    )

  it('finds a tool none of whose words the query has, and asks Titan by signed requests, each text once', async () => {
    const gateway = await start(bedrock.url)
    expect((await found(gateway, 'call off what I bought'))[0]).toBe('orders___cancel_order')
    expect((await found(gateway, 'the bill'))[0]).toBe('orders___find_invoice')
    // Words count as well.
    expect((await found(gateway, 'staff'))[0]).toBe('orders___list_staff')
    expect(asked.every(({ signed }) => signed)).toBe(true)
    expect(asked[0]).toMatchObject({ path: '/model/amazon.titan-embed-text-v2%3A0/invoke', body: { dimensions: 256 } })
    expect(asked).toHaveLength(tools.length + 3)
    expect(gateway.log).toEqual([])
    await gateway.close()
  })

  it.each([
    ['refuses', () => ({ status: 403, body: { message: 'AccessDeniedException' } })],
    ['answers with something else', () => ({ status: 200, body: { embedding: [1, 'x'] } })],
  ])('goes by words when Bedrock %s, and warns once', async (_name, bad) => {
    answer = bad
    const gateway = await start(bedrock.url)
    for (let i = 0; i < 3; i++) expect(await found(gateway, 'cancel')).toEqual(['orders___cancel_order'])
    expect(gateway.log).toEqual([
      expect.stringMatching(/^search goes by words alone, since amazon\.titan-embed-text-v2:0 on Amazon Bedrock gives/),
    ])
    await gateway.close()
  })

  it('never keeps anybody waiting for a Bedrock that hangs', async () => {
    answer = () => undefined
    const gateway = await start(bedrock.url)
    const searching = found(gateway, 'cancel')
    expect((await gateway.call('orders___find_invoice')).isError).toBe(false)
    const began = performance.now()
    expect(await searching).toEqual(['orders___cancel_order'])
    expect(performance.now() - began).toBeLessThan(4000)
    await gateway.close()
  })

  it('calls nothing of AWS where the bindings do not say what stands for it', async () => {
    const gateway = await start(undefined)
    expect(await found(gateway, 'cancel')).toEqual(['orders___cancel_order'])
    expect(gateway.log).toEqual([expect.stringMatching(/^search goes by words alone here/)])
    await gateway.close()
  })
})
