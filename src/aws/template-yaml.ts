import { isAlias, isMap, isScalar, isSeq, parseDocument } from 'yaml'

/** How many values aliases may repeat. */
const maxRepeated = 10_000

/**
 * Reads YAML as CloudFormation writes it: `!Ref x` is `{Ref: x}`, `!Sub x` is `{Fn::Sub: x}`, `!GetAtt A.B` is
 * `{Fn::GetAtt: [A, B]}`. Throws where aliases repeat too much, or it nests deeper than `maxDepth`.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function readYaml(source: string, maxDepth: number): unknown {
  if (indents(source, maxDepth)) throw new Error(`it nests deeper than ${maxDepth} levels`)
  const document = parseDocument(source, { schema: 'core', logLevel: 'silent', prettyErrors: false, uniqueKeys: false })
  const [error] = document.errors
  if (error) throw error
  let repeated = 0
  // The parser’s own way to an anchor goes through the whole document, for each alias.
  const anchors = new Map<string, unknown>()
  const valueOf = (node: unknown, depth: number, inAlias: boolean): unknown => {
    if (depth > maxDepth) throw new Error(`it nests deeper than ${maxDepth} levels`)
    if (inAlias && ++repeated > maxRepeated) throw new Error('its aliases repeat too much')
    if (isAlias(node)) {
      if (!anchors.has(node.source)) throw new Error('an alias names no anchor')
      return valueOf(anchors.get(node.source), depth + 1, true)
    }
    const { anchor, tag } = (node ?? {}) as { anchor?: string; tag?: string }
    if (anchor !== undefined) anchors.set(anchor, node)
    const value = bare(node, depth, inAlias)
    return intrinsic(tag, value)
  }
  const bare = (node: unknown, depth: number, inAlias: boolean): unknown => {
    if (isScalar(node)) return node.value
    if (isSeq(node)) return node.items.map((each) => valueOf(each, depth + 1, inAlias))
    if (!isMap(node)) return undefined
    return Object.fromEntries(
      node.items.map(({ key, value }) => [String(isScalar(key) ? key.value : ''), valueOf(value, depth + 1, inAlias)]),
    )
  }
  return valueOf(document.contents, 0, false)
}

/** The long form of a short intrinsic function. */
function intrinsic(tag: string | undefined, value: unknown): unknown {
  if (tag === undefined || !/^![A-Za-z0-9]+$/.test(tag)) return value
  const name = tag.slice(1)
  if (name === 'Ref' || name === 'Condition') return { [name]: value }
  if (name !== 'GetAtt' || typeof value !== 'string') return { [`Fn::${name}`]: value }
  const [resource, ...attribute] = value.split('.')
  return { 'Fn::GetAtt': [resource, attribute.join('.')] }
}

/** Brackets, and dashes and spaces of a line: what would nest a parser too deep, seen without one. Quotes are not looked at. */
function indents(source: string, max: number): boolean {
  let brackets = 0
  for (const line of source.split('\n')) {
    for (const each of line) {
      if (each === '[' || each === '{') brackets++
      else if (each === ']' || each === '}') brackets = Math.max(0, brackets - 1)
      if (brackets > max) return true
    }
    const [dashes = ''] = /^[\s?:-]*/.exec(line) ?? []
    if (dashes.length > 2 * max) return true
  }
  return false
}
