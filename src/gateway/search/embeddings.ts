import { byWords, type MakeRanker } from './search-tool.ts'
import type { SearchDocument } from './bm25.ts'

/** Turns texts into vectors of length 1: texts of like meaning point the same way. */
export interface Embedder {
  /** Of a model, for warnings. */
  name: string
  embed(text: string): Promise<Float32Array>
}

export interface EmbeddingsOptions {
  warn: (warning: string) => void
  now?: () => number
  /** How long one search waits for vectors before words decide; 1,500 by default. */
  waitMs?: number
}

/** Texts that are sent at once. */
const concurrency = 8
/** Titan takes 50,000 characters; the first say what a tool is for. */
const maxChars = 8000
/** A provider that has failed is left alone for so long. */
const restMs = 60_000
/** Of reciprocal rank fusion. @see https://dl.acm.org/doi/10.1145/1571941.1572114 */
const fusion = 60

/**
 * Ranks tools by the meaning of their words beside the words themselves. Vectors are made in the background, once for each
 * text. While there are none, and whenever the provider fails, words alone decide: nobody is refused and nobody waits longer
 * than `waitMs`. One warning tells of it, until it works again.
 */
export function byEmbeddings(
  embedder: Embedder,
  { warn, now = () => performance.now(), waitMs = 1500 }: EmbeddingsOptions,
): MakeRanker {
  let kept = new Map<string, Float32Array>()
  let restUntil = 0
  let warned = false

  const attempt = async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (now() < restUntil) return undefined
    try {
      const result = await work()
      warned = false
      return result
    } catch (error) {
      restUntil = now() + restMs
      const why = error instanceof Error ? error.message : 'it failed'
      if (!warned) warn(`search goes by words alone, since ${embedder.name} gives no embeddings: ${why}`)
      warned = true
      return undefined
    }
  }

  return async (documents) => {
    const words = await byWords(documents)
    const texts = documents.map(textOf)
    let vectors: Float32Array[] | undefined
    let making: Promise<void> | undefined
    const make = () =>
      (making ??= attempt(() => embedAll(texts, kept, embedder)).then((made) => {
        making = undefined
        if (!made) return
        vectors = made
        // Only what is listed now is kept.
        kept = new Map(texts.map((text, at) => [text, made[at]!]))
      }))
    void make()
    return {
      rank: async (query, limit) => {
        const byWord = await words.rank(query, limit * 3)
        if (!vectors) await inTime(make(), waitMs)
        const known = vectors
        const asked =
          known &&
          (await inTime(
            attempt(() => embedder.embed(query.slice(0, maxChars))),
            waitMs,
          ))
        if (!asked) return byWord.slice(0, limit)
        return fused([byWord, nearest(asked, known, limit * 3)], limit)
      },
    }
  }
}

function textOf({ name, title, description, rest }: SearchDocument): string {
  return [name, title, description, rest].filter(Boolean).join('\n').slice(0, maxChars)
}

async function embedAll(
  texts: readonly string[],
  kept: ReadonlyMap<string, Float32Array>,
  { embed }: Embedder,
): Promise<Float32Array[]> {
  const vectors: Float32Array[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      for (let at = next++; at < texts.length; at = next++)
        vectors[at] = kept.get(texts[at]!) ?? (await embed(texts[at]!))
    }),
  )
  return vectors
}

/** The documents whose vectors point most nearly the way of the query's. */
function nearest(query: Float32Array, vectors: readonly Float32Array[], limit: number): number[] {
  return vectors
    .map((vector, at) => ({ at, score: dot(query, vector) }))
    .toSorted((a, b) => b.score - a.score || a.at - b.at)
    .slice(0, limit)
    .map(({ at }) => at)
}

function dot(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += a[at]! * (b[at] ?? 0)
  return sum
}

function fused(rankings: readonly number[][], limit: number): number[] {
  const scores = new Map<number, number>()
  for (const ranking of rankings)
    for (const [rank, document] of ranking.entries())
      scores.set(document, (scores.get(document) ?? 0) + 1 / (fusion + rank + 1))
  return [...scores]
    .toSorted((a, b) => b[1] - a[1] || a[0] - b[0])
    .slice(0, limit)
    .map(([document]) => document)
}

async function inTime<T>(work: Promise<T>, ms: number): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
