import { paramHeaders, type ParamHeader } from '../../mcp/param-headers.ts'
import type { Era } from '../../mcp/revisions.ts'

interface Known {
  declared: readonly ParamHeader[]
  readOnly: boolean
  idempotent: boolean
}

interface ListedTool {
  name?: unknown
  inputSchema?: unknown
  annotations?: { readOnlyHint?: unknown; idempotentHint?: unknown; destructiveHint?: unknown }
}

const maxTools = 10_000

/** What one endpoint's list of tools says of each: which headers it wants, and whether it only reads. */
export class ToolTable {
  readonly #tools = new Map<string, Known>()
  readonly #options: { readOnly: boolean; log: (line: string) => void }
  readonly #said = new Set<string>()

  constructor(options: { readOnly: boolean; log: (line: string) => void }) {
    this.#options = options
  }

  get(name: unknown): Known | undefined {
    return typeof name === 'string' ? this.#tools.get(name) : undefined
  }

  clear(): void {
    this.#tools.clear()
  }

  /** Learns from a page of tools/list, and gives back the tools that the client may see. */
  learn(result: Record<string, unknown>, era: Era): Record<string, unknown> {
    if (!Array.isArray(result.tools)) return result
    const tools = (result.tools as ListedTool[]).filter((tool) => {
      if (typeof tool?.name !== 'string') return true
      const declared = paramHeaders(tool.inputSchema)
      if (typeof declared === 'string' && era === 'modern') {
        this.#tools.delete(tool.name)
        this.#note(`The tool ${tool.name} is left out, since its definition is invalid: ${declared}`)
        return false
      }
      const { readOnlyHint, idempotentHint } = tool.annotations ?? {}
      const readOnly = readOnlyHint === true
      if (this.#tools.size < maxTools || this.#tools.has(tool.name))
        this.#tools.set(tool.name, {
          declared: typeof declared === 'string' ? [] : declared,
          readOnly,
          idempotent: readOnly || idempotentHint === true,
        })
      return readOnly || !this.#options.readOnly
    })
    return tools.length === result.tools.length ? result : { ...result, tools }
  }

  #note(line: string): void {
    if (this.#said.has(line) || this.#said.size > 100) return
    this.#said.add(line)
    this.#options.log(line)
  }
}
