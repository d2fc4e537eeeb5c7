import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { costOf } from '../../src/choose/cost.ts'
import { priceBook } from '../../src/choose/price-book.ts'
import { workload } from '../../src/choose/workload.ts'
import type { Template } from '../../src/deploy/app.ts'
import type { Part } from '../../src/deploy/deployment.ts'
import { idleCost, idleUnits } from '../../src/deploy/idle-cost.ts'
import { cases, closeCases, regions, synthesizeCases } from './support/cases.ts'

// What `fairlead cost` counts, what the pages name and what the templates have are the same.

let made: Map<string, Record<string, Template>>
beforeAll(async () => (made = await synthesizeCases()), 60_000)
afterAll(closeCases)

describe('cost', () => {
  const book = priceBook('us-east-1')
  const rows = Object.entries(cases).flatMap(([name, { costs }]) =>
    regions.flatMap((region) => (costs ? [[`${name} in ${region}`, region, costs] as const] : [])),
  )
  it.each(rows)('counts what is made: %s', (name, region, { platform, workload: given = {} }) => {
    // Prices that were not read for a region have no part in this.
    const anywhere = { ...book, region }
    const { items } = costOf(platform, workload({ calls: 0, ...given, region }), anywhere)
    const counted = Object.fromEntries(items.map(({ price, quantity }) => [price.key, quantity]))
    // The image is in ECR and in no stack.
    delete counted['ecr-gb-month']
    const sums: Record<string, number> = {}
    for (const { Resources: resources } of Object.values(made.get(name)!))
      for (const [key, units] of Object.entries(idleUnits(resources))) sums[key] = (sums[key] ?? 0) + units
    expect(counted).toEqual(sums)
  })
})

describe('a page', () => {
  it.each([
    ['lambda with IAM', 'lambda', 'lambda.md'],
    ['lambda with OAuth', 'authorization', 'cognito.md'],
    ['agentcore-runtime', 'agentcore-runtime', 'agentcore-runtime.md'],
    ['agentcore-gateway', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway with tokens', 'agentcore-gateway', 'agentcore-gateway.md'],
    ['our own gateway as tasks', 'agentcore-gateway', 'agentcore-gateway.md'],
  ])('has the idle cost of %s', (name, part, page) => {
    const text = readFileSync(new URL(`../../docs/platforms/${page}`, import.meta.url), 'utf8')
    const { usd } = idleCost(made.get(`${name} in us-east-1`)![part]!.Resources, priceBook('us-east-1'))
    expect(text).toContain(`$${usd!.toFixed(2)}`)
  })

  const pages: Record<Part, string> = {
    lambda: 'lambda.md',
    fargate: 'fargate.md',
    edge: 'fargate.md',
    authorization: 'cognito.md',
    'agentcore-runtime': 'agentcore-runtime.md',
    'agentcore-gateway': 'agentcore-gateway.md',
  }
  const named = (page: string) => {
    const text = readFileSync(new URL(`../../docs/platforms/${page}`, import.meta.url), 'utf8')
    const firsts = [...text.matchAll(/^\| *(`(?:AWS|Custom)::[^|]*)\|[^|]*\| *([^|]*)\|$/gm)]
    for (const [row, , cost] of firsts) expect(cost, row).toMatch(/^\$\d/)
    return new Set(firsts.flatMap(([, first]) => [...first!.matchAll(/`((?:AWS|Custom)::[\w:]+)`/g)].map(([, type]) => type!))) // prettier-ignore
  }
  it.each([...new Set(Object.values(pages))])('names every resource with its idle cost: %s', (page) => {
    const types = new Set(
      [...made.values()].flatMap((templates) =>
        Object.entries(templates).flatMap(([part, { Resources: resources }]) =>
          pages[part as Part] === page ? Object.values(resources).map(({ Type: type }) => type) : [],
        ),
      ),
    )
    // Our own gateway has the resources of two other pages.
    const there = page === 'agentcore-gateway.md' ? [page, 'lambda.md', 'fargate.md'] : [page]
    const words = new Set(there.flatMap((each) => [...named(each)]))
    expect([...types].filter((type) => !words.has(type))).toEqual([])
    // Whatever is named has a price, or none by decision.
    const asked = Object.fromEntries([...named(page)].map((type) => [type, { Type: type, Properties: { VpcEndpointType: 'Gateway' } }])) // prettier-ignore
    expect(idleCost(asked, priceBook('us-east-1')).unknown).toEqual([])
  })
})
