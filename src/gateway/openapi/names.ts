import { createHash } from 'node:crypto'
import { separator } from '../tool.ts'

/** Of a tool's whole name: what models and their clients take. */
const longest = 64
/** A target's name may have a hundred characters; a tool has at least these then, and the service's 256 are never passed. */
const leastForTool = 24

/**
 * Names the tools of a target by what they are, never by where they stand in a document: a name that would be taken twice,
 * or is cut, ends in a hash of its method and path. The same operation has the same name in the next version.
 */
export function nameTools(
  target: string,
  operations: readonly { operationId?: string; method: string; path: string }[],
): string[] {
  const room = Math.max(leastForTool, longest - target.length - separator.length)
  const wanted = operations.map(
    ({ operationId, method, path }) => plainName(operationId ?? '') || plainName(`${method}${path}`) || method,
  )
  const counts = new Map<string, number>()
  const key = (name: string) => name.toLowerCase()
  for (const name of wanted) counts.set(key(name), (counts.get(key(name)) ?? 0) + 1)
  const given = new Set<string>()
  return wanted.map((name, at) => {
    const { method, path } = operations[at]!
    const hash = createHash('sha256').update(`${method} ${path}`).digest('hex').slice(0, 6)
    const fits = name.length <= room && counts.get(key(name)) === 1
    let made = fits ? name : `${name.slice(0, room - 7)}_${hash}`
    // Two hashes of six digits that are the same, or a name that looks like one: longer ones part them.
    for (let digits = 8; given.has(key(made)); digits += 2)
      made = `${name.slice(0, room - digits - 1)}_${createHash('sha256').update(`${method} ${path}`).digest('hex').slice(0, digits)}`
    given.add(key(made))
    return made
  })
}

function plainName(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/[^A-Za-z0-9_-]+/g, '_')
    .replaceAll(/^_+|_+$/g, '')
}
