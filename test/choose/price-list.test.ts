import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { priceBook, stalePrices, staleWarning } from '../../src/choose/price-book.ts'
import { readPriceList } from '../../src/choose/price-list.ts'
import { prices, priceKeys } from '../../src/choose/prices.ts'
import { servePriceList, type ServedList } from './offers.ts'

let list: ServedList
beforeAll(async () => {
  list = await servePriceList()
})
afterAll(() => list.close())

describe('the public price list', () => {
  it('gives the prices of a region, in the units of the table', async () => {
    const { found } = await readPriceList({ region: 'eu-central-1', url: list.url })
    expect(found['lambda-gb-second-arm64']).toEqual({
      usd: 0.0000133334,
      source: 'AWS price list, AWSLambda',
      date: '2026-11-03',
    })
    expect(found['lambda-request']!.usd).toBe(0.2)
    expect(found['agentcore-gateway-call']!.usd).toBe(0.005)
  })

  it('takes the load balancer that is an application load balancer', async () => {
    const { found } = await readPriceList({ region: 'eu-central-1', url: list.url })
    expect(found['alb-hour']!.usd).toBe(0.027)
  })

  it('skips the tier that is free', async () => {
    const { found } = await readPriceList({ region: 'eu-central-1', url: list.url })
    expect(found['egress-gb']!.usd).toBe(0.09)
  })

  it('does not guess: two prices for one usage type, none, and an offer that is not in the region', async () => {
    const { found, notFound } = await readPriceList({ region: 'eu-central-1', url: list.url })
    const why = (key: string) => notFound.find((each) => each.key === key)?.why
    expect(why('logs-gb')).toMatch(/2 different prices/)
    expect(why('fargate-gb-hour-x86_64')).toMatch(/has no Fargate-GB-Hours/)
    expect(why('dynamodb-write')).toMatch(/AmazonDynamoDB is not listed for eu-central-1/)
    expect(why('waf-acl')).toMatch(/not read from the list/)
    expect(Object.keys(found).length + notFound.length).toBe(priceKeys.length)
  })

  it('that answers with something else is refused', async () => {
    const html = (async () => new Response('<html>')) as typeof fetch
    await expect(readPriceList({ region: 'us-east-1', fetch: html })).rejects.toMatchObject({
      code: 'PRICE_LIST_INVALID',
    })
    const gone = (async () => new Response('', { status: 403 })) as typeof fetch
    await expect(readPriceList({ region: 'us-east-1', fetch: gone })).rejects.toThrow(/answered 403/)
    const away = (async () =>
      Response.json({
        offers: new Proxy({}, { get: () => ({ currentRegionIndexUrl: 'https://example.com/x' }) }),
      })) as typeof fetch
    await expect(readPriceList({ region: 'us-east-1', fetch: away })).rejects.toMatchObject({
      code: 'PRICE_LIST_INVALID',
    })
  })

  it('is asked over https alone, but for this machine', async () => {
    await expect(readPriceList({ region: 'us-east-1', url: 'http://example.com' })).rejects.toThrow(
      /not an https address/,
    )
    await expect(readPriceList({ region: 'us-east-1', url: 'nonsense' })).rejects.toMatchObject({ code: 'USAGE' })
    const failing = (async () => {
      throw new TypeError('fetch failed')
    }) as typeof fetch
    await expect(readPriceList({ region: 'us-east-1', fetch: failing })).rejects.toMatchObject({ code: 'UNREACHABLE' })
  })
})

describe('the table', () => {
  it('has a unit, a source and a date for each price', () => {
    for (const key of priceKeys) {
      const { unit, source, date, usd, per } = prices[key]
      expect(unit.length * source.length, key).toBeGreaterThan(0)
      expect(date, key).toMatch(/^\d{4}-\d{2}-\d{2}$/)
      expect(Number.isFinite(usd) && usd >= 0 && per > 0, key).toBe(true)
    }
  })

  it('warns of what is older than 180 days, and of nothing else', () => {
    const book = priceBook('us-east-1')
    const oldest = book
      .list()
      .map(({ date }) => Date.parse(date))
      .sort((a, b) => a - b)[0]!
    const day = 86_400_000
    expect(staleWarning(book.list(), new Date(oldest + 180 * day))).toBeUndefined()
    expect(staleWarning(book.list(), new Date(oldest + 181 * day))).toMatch(/older than 180 days.*prices refresh/)
    expect(stalePrices(book.list(), new Date('2028-01-01'))).toHaveLength(priceKeys.length)
  })
})
