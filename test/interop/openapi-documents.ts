import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import Ajv2020 from 'ajv/dist/2020.js'
import { readTarget } from '../../src/gateway/definitions/read.ts'
import { described } from '../../src/gateway/catalog.ts'
import { parseText } from '../../src/gateway/openapi/document.ts'
import { openApiTarget } from '../../src/gateway/targets/openapi.ts'

const modules = fileURLToPath(new URL('../../tools/interop/node_modules/', import.meta.url))
const examples = ['2.0', '3.0', '3.1'].flatMap((version) =>
  readdirSync(`${modules}@readme/oas-examples/${version}/json`)
    .filter((name) => name.endsWith('.json'))
    .map((name) => `@readme/oas-examples/${version}/json/${name}`),
)

/** Documents as their owners publish them. */
const documents = [
  '@octokit/openapi/generated/api.github.com.json',
  '@octokit/openapi/generated/ghec.json',
  '@directus/specs/dist/openapi.json',
  '@scalar/galaxy/dist/latest.yaml',
  'rclone-openapi/openapi.json',
  'rclone-openapi/openapi.yaml',
  ...examples,
]

export interface DocumentResult {
  name: string
  operations: number
  tools: number
  /** Schemas that a client could not compile. */
  invalid: string[]
  /** `$ref`s that lead nowhere in the tool that has them. */
  dangling: string[]
  warnings: string[]
  /** Until the whole list was made. */
  ms: number
}

/** Loads a document and makes all of its tools, as a client of the gateway would have them. */
export async function loadDocument(name: string): Promise<DocumentResult> {
  const text = readFileSync(modules + name, 'utf8')
  const warnings: string[] = []
  const before = performance.now()
  const definition = readTarget({
    name: 'api',
    targetConfiguration: { mcp: { openApiSchema: { inlinePayload: '{}' } } },
  })
  const target = await openApiTarget({
    definition,
    document: text,
    auth: { apply: () => {} },
    serverUrl: 'https://api.example.com/',
    warn: (warning) => warnings.push(warning),
  })
  const tools = (await target.tools()).map((tool) => described({ name: tool.name, tool }))
  const wire = JSON.stringify(tools)
  const ms = performance.now() - before
  const listed = JSON.parse(wire) as { name: string; inputSchema: object; outputSchema?: object }[]
  const invalid = listed.flatMap((tool) =>
    [tool.inputSchema, tool.outputSchema ?? {}].flatMap((schema) => problemOf(schema, tool.name)),
  )
  const dangling = listed.flatMap((tool) =>
    [tool.inputSchema, tool.outputSchema ?? {}].flatMap((schema) =>
      refsOf(schema)
        .filter((ref) => !leads(schema, ref))
        .map((ref) => `${tool.name} ${ref}`),
    ),
  )
  await target.close()
  return {
    name,
    operations: operationsOf(await parseText(text, name)),
    tools: listed.length,
    invalid,
    dangling,
    warnings,
    ms,
  }
}

function problemOf(schema: object, name: string): string[] {
  try {
    new Ajv2020.default({ strict: false, validateFormats: false }).compile(schema)
    return []
  } catch (error) {
    return [`${name}: ${(error as Error).message}`]
  }
}

function refsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = (value as { $ref?: unknown }).$ref
  return [...(typeof own === 'string' ? [own] : []), ...Object.values(value).flatMap(refsOf)]
}

function leads(schema: object, ref: string): boolean {
  const { $defs = {} } = schema as { $defs?: object }
  return ref.startsWith('#/$defs/') && Object.hasOwn($defs, ref.slice('#/$defs/'.length))
}

/** Counted by hand, and not by what is tested. */
function operationsOf(document: unknown): number {
  const { paths = {} } = document as { paths?: Record<string, object | null> }
  const methods = new Set(['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace'])
  return Object.entries(paths).flatMap(([path, item]) => {
    if (!path.startsWith('/') || item === null) return []
    const { $ref } = item as { $ref?: string }
    const found =
      $ref === undefined
        ? item
        : $ref
            .slice(2)
            .split('/')
            .reduce<unknown>(
              (at, step) => (at as Record<string, unknown>)[step.replaceAll('~1', '/').replaceAll('~0', '~')],
              document,
            )
    return Object.keys(found as object).filter((key) => methods.has(key))
  }).length
}

/** Loads all of them. Gives the names of those that lack an operation or have a schema that no client can use. */
export async function openapiDocuments(print: (line: string) => void): Promise<{ passed: number; failed: string[] }> {
  const failed: string[] = []
  for (const name of documents) {
    const { operations, tools, invalid, dangling, warnings, ms } = await loadDocument(name)
    const good = operations === tools && invalid.length === 0 && dangling.length === 0
    if (!good) failed.push(name)
    print(
      `${good ? '✓' : '✗'} ${name}: ${tools} of ${operations} operations, ${invalid.length} invalid, ${dangling.length} dangling, ${ms.toFixed(0)} ms`,
    )
    if (!good) for (const line of [...invalid, ...dangling, ...warnings].slice(0, 5)) print(`    ${line}`)
  }
  return { passed: documents.length - failed.length, failed }
}
