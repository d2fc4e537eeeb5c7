import { compileSchema, type Problem } from './schema-check.ts'
import { separator, splitName, type Target, type Tool } from './tool.ts'

/** A tool beside its full name. */
export interface Listed {
  name: string
  tool: Tool
  target: Target
}

/** The tools of all targets as one list, in the order of the targets, under `target___tool`. */
export class Catalog {
  readonly #targets: readonly Target[]
  readonly #byName: Map<string, Target>
  readonly #checks = new WeakMap<Tool, (args: unknown) => Problem[]>()

  constructor(targets: readonly Target[]) {
    this.#targets = targets
    this.#byName = new Map(targets.map((target) => [target.name, target]))
  }

  /** Every tool. A target that is slow or dead delays nobody: it gives what was last known. */
  async all(): Promise<Listed[]> {
    const lists = await Promise.all(
      this.#targets.map(async (target) => ({ target, tools: await target.tools().catch(() => []) })),
    )
    return lists.flatMap(({ target, tools }) =>
      tools.map((tool) => ({ name: target.name + separator + tool.name, tool, target })),
    )
  }

  /** Changes whenever the list may have. */
  version(): string {
    return this.#targets.map(({ version }) => version).join('.')
  }

  find(name: string): { target: Target; tool: string } | undefined {
    const split = splitName(name)
    const target = split && this.#byName.get(split.target)
    return target && { target, tool: split.tool }
  }

  /** What is wrong with arguments. A schema is compiled when its tool is first called. */
  check(tool: Tool, args: unknown): Problem[] {
    let check = this.#checks.get(tool)
    if (!check) {
      check = compileSchema(tool.inputSchema)
      this.#checks.set(tool, check)
    }
    return check(args)
  }
}

/** A page of named things, and where the next one begins. Undefined: the cursor is none of ours. */
export function pageOf<T extends { name: string }>(
  all: readonly T[],
  cursor: string | undefined,
  size: number,
): { page: T[]; nextCursor?: string } | undefined {
  const from = cursor === undefined ? 0 : all.findIndex(({ name }) => cursorOf(name) === cursor) + 1
  if (cursor !== undefined && from === 0) return undefined
  const page = all.slice(from, from + size)
  return from + size < all.length ? { page, nextCursor: cursorOf(page.at(-1)!.name) } : { page }
}

/** Stays good when tools come and go elsewhere in the list. */
function cursorOf(name: string): string {
  return Buffer.from(name).toString('base64url')
}

/** A tool as a client sees it. Its schemas may be made only now: what a target gives can have getters for them. */
export function described({ name, tool }: Pick<Listed, 'name' | 'tool'>): Record<string, unknown> {
  const { inputSchema, outputSchema } = tool
  return { ...tool, name, inputSchema, ...(outputSchema ? { outputSchema } : {}) }
}
