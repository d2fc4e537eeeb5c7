import { tokenize } from './tokenize.ts'

/** What is indexed of a tool: fields count differently. */
export interface SearchDocument {
  name: string
  title: string
  description: string
  /** Parameters, path, tags, the target's description. */
  rest: string
}

/**
 * Weights of the fields, and how much a long one is held against it. Tuned on GitHub's descriptions: a summary says most,
 * and an id and a path say the same again in other words.
 */
const fields = {
  name: { weight: 1, b: 0.8 },
  title: { weight: 1, b: 0.95 },
  description: { weight: 1, b: 0.8 },
  rest: { weight: 0.35, b: 0.85 },
} as const
const k1 = 8
/** What a query says first weighs more: the second word counts 1/1.1, the third 1/1.2. */
const decay = 0.1
/** How much a document gains that has all of the query's words over one that has few of them. */
const coverage = 0.5
type Field = keyof typeof fields
const fieldNames = Object.keys(fields) as Field[]

interface Posting {
  document: number
  /** The sum of the weighted, length-normalised frequencies over the fields. */
  frequency: number
}

/**
 * An index over tools by BM25F: fields are weighted before frequency saturates.
 * @see https://www.staff.city.ac.uk/~sbrp622/papers/foundations_bm25_review.pdf (section 3.6)
 */
export class Bm25Index {
  readonly #postings = new Map<string, Posting[]>()
  readonly #count: number

  constructor(documents: readonly SearchDocument[]) {
    this.#count = documents.length
    const tokens = documents.map((each) => fieldNames.map((field) => tokenize(each[field])))
    const average = fieldNames.map((_, at) => mean(tokens.map((each) => each[at]!.length)))
    for (const [document, each] of tokens.entries()) {
      const sums = new Map<string, number>()
      for (const [at, field] of fieldNames.entries()) {
        const { weight, b } = fields[field]
        const length = 1 - b + b * (each[at]!.length / (average[at]! || 1))
        const one = weight / length
        for (const term of each[at]!) sums.set(term, (sums.get(term) ?? 0) + one)
      }
      for (const [term, frequency] of sums) {
        const list = this.#postings.get(term)
        if (list) list.push({ document, frequency })
        else this.#postings.set(term, [{ document, frequency }])
      }
    }
  }

  /** The best documents for a query, by their index, best first. What has no word of it is not there. */
  search(query: string, limit: number): number[] {
    const scores = new Float64Array(this.#count)
    const covered = new Float64Array(this.#count)
    const touched: number[] = []
    let whole = 0
    const terms = new Set(tokenize(query.slice(0, 2000)).slice(0, 64))
    for (const [at, term] of [...terms].entries()) {
      const postings = this.#postings.get(term)
      if (!postings) continue
      const first = 1 / (1 + decay * at)
      const idf = Math.log(1 + (this.#count - postings.length + 0.5) / (postings.length + 0.5))
      const weight = first * idf
      whole += weight
      for (const { document, frequency } of postings) {
        if (covered[document] === 0) touched.push(document)
        scores[document]! += (weight * frequency) / (k1 + frequency)
        covered[document]! += weight
      }
    }
    for (const document of touched) scores[document]! *= 1 + (coverage * covered[document]!) / whole
    return best(touched, scores, limit)
  }
}

/** Ties keep the order of the list, so that the same query has the same answer. */
function best(found: readonly number[], scores: Float64Array, limit: number): number[] {
  const kept: [number, number][] = []
  for (const document of found) {
    const score = scores[document]!
    if (kept.length === limit && score < kept[limit - 1]![1]) continue
    kept.push([document, score])
    kept.sort((a, b) => b[1] - a[1] || a[0] - b[0])
    if (kept.length > limit) kept.pop()
  }
  return kept.map(([document]) => document)
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / (values.length || 1)
}
