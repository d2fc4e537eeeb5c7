import { createScanner, findNodeAtLocation, parse, parseTree, type Node, type ParseError } from 'jsonc-parser'

type Path = [key: string, name: string]

/**
 * Sets, or with `undefined` removes, one server in a file of settings. What is not that entry stays to the byte: a new one
 * goes before the others. Throws SyntaxError.
 */
export function editJsonc(text: string, path: Path, value: unknown): string {
  const before = text.trim() === '' ? '{\n}\n' : text
  const root = read(before)
  const holder = findNodeAtLocation(root, [path[0]])
  if (holder && holder.type !== 'object') throw new SyntaxError(`\`${path[0]}\` is not an object`)
  const current = findNodeAtLocation(root, path)
  if (value === undefined) return current ? withoutServer(before, path, current) : text
  const style = styleOf(before)
  if (current) return splice(before, current.offset, current.length, written(value, style, 2))
  if (holder) return withFirst(before, holder, path[1], value, style, 2)
  return withFirst(before, root, path[0], { [path[1]]: value }, style, 1)
}

function read(text: string): Node {
  const errors: ParseError[] = []
  parse(text, errors, { allowTrailingComma: true })
  if (errors.length > 0) throw new SyntaxError(`not JSON at character ${errors[0]!.offset}`)
  const root = parseTree(text, [], { allowTrailingComma: true })
  if (root?.type !== 'object') throw new SyntaxError('not a JSON object')
  return root
}

interface Style {
  indent: string
  eol: string
}

/** As the file is written already. */
function styleOf(text: string): Style {
  return { indent: /\n([ \t]+)\S/.exec(text)?.[1] ?? '  ', eol: text.includes('\r\n') ? '\r\n' : '\n' }
}

function written(value: unknown, { indent, eol }: Style, depth: number): string {
  return JSON.stringify(value, null, indent).replaceAll('\n', `${eol}${indent.repeat(depth)}`)
}

function withFirst(text: string, object: Node, name: string, value: unknown, style: Style, depth: number): string {
  const { indent, eol } = style
  const member = `${eol}${indent.repeat(depth)}${JSON.stringify(name)}: ${written(value, style, depth)}`
  const rest = text.slice(object.offset + 1, object.offset + object.length - 1)
  const ends = (object.children ?? []).length > 0 ? ',' : rest.includes('\n') ? '' : `${eol}${indent.repeat(depth - 1)}`
  return splice(text, object.offset + 1, 0, `${member}${ends}`)
}

/** Takes the entry out; and what held it, when it held nothing else. */
function withoutServer(text: string, path: Path, value: Node): string {
  const edited = withoutMember(text, value.parent!)
  const holder = findNodeAtLocation(read(edited), [path[0]])
  const isEmpty = holder?.children?.length === 0 && /^\{\s*\}$/.test(edited.substr(holder.offset, holder.length))
  return isEmpty ? withoutMember(edited, holder.parent!) : edited
}

function withoutMember(text: string, property: Node): string {
  const members = property.parent!.children!
  const at = members.indexOf(property)
  const end = property.offset + property.length
  const follows = nextComma(text, end)
  const start = text.slice(0, property.offset).trimEnd().length
  if (follows !== undefined) return splice(text, start, follows + 1 - start, '')
  const cut = splice(text, start, end - start, '')
  const before = members[at - 1]
  const comma = before && nextComma(text, before.offset + before.length)
  return comma === undefined ? cut : splice(cut, comma, 1, '')
}

/** The comma that comes next, if nothing but comments stands before it. */
function nextComma(text: string, from: number): number | undefined {
  const scanner = createScanner(text, true)
  scanner.setPosition(from)
  scanner.scan()
  const at = scanner.getTokenOffset()
  return text[at] === ',' ? at : undefined
}

function splice(text: string, at: number, length: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + length)
}
