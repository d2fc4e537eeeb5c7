/** What conditions of policies look at: the rest of a call need not be shown to them. */
export interface Reads {
  /** Arguments by name; undefined for all of them. */
  inputs: ReadonlySet<string> | undefined
  /** Tags of the caller; undefined for all of them. */
  tags: ReadonlySet<string> | undefined
  /** Which tool it is. */
  action: boolean
  /** Anything of the caller. */
  principal: boolean
}

type Node = Record<string, unknown>

/** Finds it in conditions as Cedar writes them in JSON. What is not understood is read whole. @see https://docs.cedarpolicy.com/policies/json-format.html */
export function readsOf(conditions: unknown): Reads {
  const inputs = new Set<string>()
  const tags = new Set<string>()
  const whole = { inputs: false, tags: false, action: false, principal: false }
  walk(conditions)
  return {
    inputs: whole.inputs ? undefined : inputs,
    tags: whole.tags ? undefined : tags,
    action: whole.action,
    principal: whole.principal,
  }

  function walk(value: unknown): void {
    if (typeof value !== 'object' || value === null) return
    if (Array.isArray(value)) return value.forEach(walk)
    const node = value as Node
    if ('Value' in node) return
    // Keys of a record are the author's own, and may look like words of the language.
    if ('Record' in node) return Object.values(node.Record as Node).forEach(walk)
    if (node.Var === 'context') whole.inputs = true
    if (node.Var === 'action') whole.action = true
    if (node.Var === 'principal') whole.principal = true
    const path = pathOf(node)
    if (path) {
      if (path[1] !== undefined) inputs.add(path[1])
      return
    }
    const tag = (node.getTag ?? node.hasTag) as { left: Node; right: Node } | undefined
    if (tag) {
      const { Value: name } = tag.right
      if (tag.left.Var === 'principal' && typeof name === 'string') {
        whole.principal = true
        return void tags.add(name)
      }
      whole.tags = true
    }
    Object.values(node).forEach(walk)
  }
}

/** `context.input.x`, `context.input has x` and `context has input.x`, each with what comes after; undefined for anything else. */
function pathOf(node: Node): string[] | undefined {
  const at = node['.'] as { left: Node; attr: string } | undefined
  if (at) return isInput(at.left) ? ['input', at.attr] : undefined
  const has = node.has as { left: Node; attr: string | string[] } | undefined
  if (!has) return undefined
  const attributes = [has.attr].flat()
  if (isInput(has.left)) return ['input', attributes[0]!]
  return has.left.Var === 'context' && attributes[0] === 'input' ? attributes : undefined
}

function isInput({ '.': at }: Node): boolean {
  const { left, attr } = (at ?? {}) as { left?: Node; attr?: string }
  return attr === 'input' && left?.Var === 'context'
}

/** What several policies read together. */
export function together(all: readonly Reads[]): Reads {
  return {
    inputs: union(all.map(({ inputs }) => inputs)),
    tags: union(all.map(({ tags }) => tags)),
    action: all.some(({ action }) => action),
    principal: all.some(({ principal }) => principal),
  }
}

function union(sets: readonly (ReadonlySet<string> | undefined)[]): ReadonlySet<string> | undefined {
  const names = new Set<string>()
  for (const each of sets) {
    if (!each) return undefined
    for (const name of each) names.add(name)
  }
  return names
}
