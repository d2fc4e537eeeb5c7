import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const src = fileURLToPath(new URL('../src', import.meta.url))

/** The floors of ARCHITECTURE.md. Files beside index.ts stand on the ground with http and aws. */
const floors: Record<string, number> = {
  '.': 0,
  http: 0,
  aws: 0,
  state: 0,
  mcp: 1,
  auth: 1,
  explain: 2,
  server: 2,
  oauth: 2,
  gateway: 2,
  adapters: 3,
  build: 4,
  choose: 4,
  connect: 5,
  doctor: 5,
  deploy: 5,
  local: 5,
  console: 6,
  cli: 7,
}

const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'))
const importsOf = (file: string): string[] =>
  [...readFileSync(join(src, file), 'utf8').matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(([, path]) =>
    relative(src, join(src, dirname(file), path!)),
  )
const room = (file: string) => (file.includes('/') ? file.split('/')[0]! : '.')

describe('the house', () => {
  it('has no room without a floor', () => {
    expect([...new Set(files.map(room))].filter((name) => !(name in floors))).toEqual([])
  })

  it('imports from its own room or from a lower floor', () => {
    const wrong = files
      .filter((file) => file !== 'index.ts')
      .flatMap((file) => importsOf(file).map((to) => [file, to] as const))
      .filter(([file, to]) => room(file) !== room(to) && !isBelow(room(to), room(file)))
    expect(wrong.map(([file, to]) => `${file} imports ${to}`)).toEqual([])
  })

  it('has no circle of files', () => {
    expect(circles()).toEqual([])
  })
})

/** The ground holds three rooms that may use each other; auth may use mcp. */
function isBelow(to: string, from: string): boolean {
  return floors[to]! < floors[from]! || (floors[to] === 0 && floors[from] === 0) || (from === 'auth' && to === 'mcp')
}

/** Type imports are gone when the code runs, so only values can make a circle. */
function circles(): string[] {
  const values = (file: string) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/^import (?!type)[^;']*?from '(\.[^']+)'/gm)].map(([, path]) =>
      relative(src, join(src, dirname(file), path!)),
    )
  const done = new Set<string>()
  const found: string[] = []
  const visit = (file: string, path: string[]) => {
    if (path.includes(file)) return void found.push([...path.slice(path.indexOf(file)), file].join(' > '))
    if (done.has(file)) return
    for (const to of values(file)) visit(to, [...path, file])
    done.add(file)
  }
  for (const file of files) visit(file, [])
  return found
}
