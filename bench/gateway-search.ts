// Tool search: the query is the first sentence of an operation's description, which is held out of the index.
import { existsSync, readFileSync } from 'node:fs'
import { Bm25Index } from '../src/gateway/search/bm25.ts'
import type { Row } from './support/table.ts'

interface Operation {
  operationId: string
  summary?: string
  description?: string
  tags?: string[]
}

const methods = new Set(['get', 'put', 'post', 'delete', 'patch', 'head', 'options'])
const installed = (path: string) => new URL(`../tools/interop/node_modules/${path}`, import.meta.url)
const github = installed('@octokit/openapi/generated/api.github.com.json')
/** The weights were tuned on GitHub's document; on these they were not. */
const others = {
  Directus: installed('@directus/specs/dist/openapi.json'),
  rclone: installed('rclone-openapi/openapi.json'),
}

export function search(): Row[] {
  const { queries, recall, queryMs, buildMs } = heldOut(github)
  return [
    {
      name: `search: recall@5 of ${queries} held-out descriptions of GitHub`,
      measured: recall(5),
      unit: '',
      goal: { atLeast: 0.87 },
      note: `@1 ${recall(1).toFixed(2)}  @10 ${recall(10).toFixed(2)}`,
    },
    ...Object.entries(others)
      .filter(([, file]) => existsSync(file))
      .map(([name, file]) => {
        const other = heldOut(file)
        return {
          name: `search: recall@5 of ${other.queries} of ${name}, not tuned on`,
          measured: other.recall(5),
          unit: '',
          note: `@1 ${other.recall(1).toFixed(2)}  @10 ${other.recall(10).toFixed(2)}`,
        }
      }),
    { name: 'search: a query', measured: queryMs, unit: 'ms', goal: { atMost: 0.3 } },
    { name: 'search: 1,000 tools indexed', measured: buildMs, unit: 'ms', goal: { atMost: 80 } },
  ]
}

function heldOut(file: URL): { queries: number; recall(k: number): number; queryMs: number; buildMs: number } {
  const { paths } = JSON.parse(readFileSync(file, 'utf8')) as { paths: Record<string, Record<string, Operation>> }
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).flatMap(([method, operation]) => (methods.has(method) ? [{ path, ...operation }] : [])),
  )
  const documents = operations.map(({ operationId, summary = '', tags = [], path }) => ({
    name: operationId,
    title: summary,
    description: '',
    rest: [path, ...tags].join(' '),
  }))
  const before = performance.now()
  const index = new Bm25Index(documents)
  const buildMs = ((performance.now() - before) / documents.length) * 1000
  const queries = operations.flatMap(({ description = '' }, at) => {
    const sentence = description.split(/(?<=[.!?])\s|\n/)[0]!.trim()
    return sentence.length > 20 ? [{ at, sentence }] : []
  })
  const started = performance.now()
  const ranks = queries.map(({ at, sentence }) => index.search(sentence, 10).indexOf(at))
  return {
    queries: queries.length,
    recall: (k) => ranks.filter((rank) => rank >= 0 && rank < k).length / ranks.length,
    queryMs: (performance.now() - started) / queries.length,
    buildMs,
  }
}
