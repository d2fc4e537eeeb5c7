/** Sets, or with `undefined` removes, one server's table in a TOML file; everything else stays as it is. Throws SyntaxError. */
export function editToml(
  text: string,
  [key, name]: [key: string, name: string],
  value: Record<string, unknown> | undefined,
): string {
  const eol = text.includes('\r\n') ? '\r\n' : '\n'
  const lines = text.split(/\r?\n/)
  const headers = headersIn(lines)
  const isOurs = (path: string[]) => path[0] === key && path[1] === name
  const at = headers.findIndex(({ path }) => isOurs(path))
  if (at < 0 && standsOtherwise(lines, headers, key, name))
    throw new SyntaxError(`\`${key}.${name}\` is not written as a table of its own`)
  const table = value === undefined ? [] : [`[${key}.${quoteKey(name)}]`, ...Object.entries(value).map(([each, v]) => `${each} = ${toml(v)}`)] // prettier-ignore
  if (at < 0) {
    if (value === undefined) return text
    const body = text.trim() === '' ? '' : `${text}${text.endsWith('\n') ? '' : eol}${eol}`
    return `${body}${table.join(eol)}${eol}`
  }
  let last = at
  while (headers[last + 1] && isOurs(headers[last + 1]!.path)) last++
  const from = headers[at]!.line
  let to = headers[last + 1]?.line ?? lines.length
  // Blank lines and comments before the next table belong to that.
  while (to > from + 1 && /^\s*(#.*)?$/.test(lines[to - 1]!)) to--
  const gap = value === undefined && from > 0 && lines[from - 1]!.trim() === '' ? 1 : 0
  return [...lines.slice(0, from - gap), ...table, ...lines.slice(to)].join(eol)
}

interface Header {
  line: number
  path: string[]
}

/** Finds the headers of tables: not what looks like one within a list or a text of several lines. */
function headersIn(lines: string[]): Header[] {
  const headers: Header[] = []
  let text: '"""' | "'''" | undefined
  let depth = 0
  for (const [line, content] of lines.entries()) {
    const header = text === undefined && depth === 0 ? /^\s*\[{1,2}([^\]]+)\]{1,2}\s*(#.*)?$/.exec(content) : null
    if (header) {
      headers.push({ line, path: keysOf(header[1]!) })
      continue
    }
    for (let at = 0; at < content.length; at++) {
      const rest = content.slice(at, at + 3)
      if (text !== undefined) {
        if (text === '"""' && content[at] === '\\') at++
        else if (rest === text) {
          text = undefined
          at += 2
        }
      } else if (rest === '"""' || rest === "'''") {
        text = rest
        at += 2
      } else if (content[at] === '#') break
      else if (content[at] === '"' || content[at] === "'") at = endOfString(content, at)
      else if (content[at] === '[' || content[at] === '{') depth++
      else if (content[at] === ']' || content[at] === '}') depth--
    }
  }
  return headers
}

function endOfString(content: string, from: number): number {
  const quote = content[from]
  for (let at = from + 1; at < content.length; at++) {
    if (quote === '"' && content[at] === '\\') at++
    else if (content[at] === quote) return at
  }
  return content.length
}

/** The parts of a dotted key, unquoted. */
function keysOf(text: string): string[] {
  return [...text.matchAll(/\s*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))\s*(?:\.|$)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare!,
  )
}

/** `mcp_servers.x = {…}`, or `x = {…}` under `[mcp_servers]`: those are left to their owner. */
function standsOtherwise(lines: string[], headers: Header[], key: string, name: string): boolean {
  return lines.some((content, line) => {
    const keys = /^\s*([A-Za-z0-9_."'-]+(?:\s*\.\s*[A-Za-z0-9_."'-]+)*)\s*=/.exec(content)?.[1]
    if (keys === undefined) return false
    const table = headers.findLast((header) => header.line < line)?.path ?? []
    const path = [...table, ...keysOf(keys)]
    return path[0] === key && path[1] === name
  })
}

function quoteKey(name: string): string {
  return /^[A-Za-z0-9_-]+$/.test(name) ? name : JSON.stringify(name)
}

function toml(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(toml).join(', ')}]` : JSON.stringify(value)
}
