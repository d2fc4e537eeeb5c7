import type { Catalog, Listed } from '../catalog.ts'
import type { Tool } from '../tool.ts'
import { Bm25Index, type SearchDocument } from './bm25.ts'

/** Name, description and schema as the service has them. @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-using-mcp-semantic-search.html */
export const searchTool: Tool = {
  name: 'x_amz_bedrock_agentcore_search',
  description:
    'A special tool that returns a trimmed down list of tools given a context. Use this tool only when there are many tools available and you want to get a subset that matches the provided context.',
  inputSchema: { type: 'object', properties: { query: { type: 'string' } }, required: ['query'] },
}

/** As many as the service gives. */
const most = 10

/** Ranks tools for a query. The words of tools are one way, embeddings another. */
export interface ToolRanker {
  /** Indexes of `documents`, best first. */
  rank(query: string, limit: number): Promise<number[]> | number[]
}

/** Makes a ranker for a list of tools; it is made again when the list changes. */
export type MakeRanker = (documents: readonly SearchDocument[]) => Promise<ToolRanker> | ToolRanker

export const byWords: MakeRanker = (documents) => {
  const index = new Bm25Index(documents)
  return { rank: (query, limit) => index.search(query, limit) }
}

/** Finds tools by words, over whatever the targets have at the time: dynamic ones too. */
export class ToolSearch {
  readonly #catalog: Catalog
  readonly #make: MakeRanker
  #built: { version: string; listed: Listed[]; ranker: Promise<ToolRanker> } | undefined

  constructor(catalog: Catalog, make: MakeRanker = byWords) {
    this.#catalog = catalog
    this.#make = make
  }

  /** The best ones. `visible` leaves out what the caller may not see, of all that were found. */
  async search(
    query: string,
    visible: (found: readonly Listed[]) => Promise<readonly Listed[]> = async (found) => found,
  ): Promise<Listed[]> {
    const { listed, ranker } = await this.#index()
    const seen = await visible(listed)
    const limit = seen.length === listed.length ? most : listed.length
    const found = (await (await ranker).rank(query, limit)).flatMap((at) => listed[at] ?? [])
    const may = seen.length === listed.length ? undefined : new Set(seen)
    return (may ? found.filter((each) => may.has(each)) : found).slice(0, most)
  }

  async #index(): Promise<{ listed: Listed[]; ranker: Promise<ToolRanker> }> {
    const listed = await this.#catalog.all()
    const version = this.#catalog.version()
    if (this.#built?.version !== version)
      this.#built = { version, listed, ranker: Promise.resolve(this.#make(listed.map(documentOf))) }
    return this.#built
  }
}

/** What an OpenAPI tool knows of itself beside what it lists: its path and parameters, without making its schemas. */
interface Searchable {
  searchText?: () => string
}

export function documentOf({ name, tool, target }: Listed): SearchDocument {
  const { searchText } = tool as Tool & Searchable
  const rest = searchText ? searchText.call(tool) : parametersOf(tool)
  return {
    name: tool.name,
    title: tool.title ?? '',
    description: tool.description ?? '',
    rest: `${name.slice(0, target.name.length)} ${target.description ?? ''} ${rest}`,
  }
}

function parametersOf({ inputSchema }: Tool): string {
  const { properties } = inputSchema as { properties?: Record<string, { description?: unknown } | boolean> }
  return Object.entries(properties ?? {})
    .map(
      ([name, schema]) =>
        `${name} ${typeof schema === 'object' && typeof schema?.description === 'string' ? schema.description : ''}`,
    )
    .join(' ')
}
