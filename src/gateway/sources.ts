import { readFile } from 'node:fs/promises'
import { dirname, sep } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FairleadError } from '../errors.ts'
import { readJsonFile, s3File, type Bindings } from './bindings.ts'
import { readToolDefinitions } from './definitions/read.ts'
import type { LambdaTool, SchemaSource } from './definitions/types.ts'
import { Upstream } from './outbound/upstream.ts'
import type { Tool } from './tool.ts'

/** The tools of a Lambda target, checked like those that stand in the definition. */
export function toolsOf(source: SchemaSource<LambdaTool[]>, bindings: Bindings): LambdaTool[] {
  if ('inlinePayload' in source) return source.inlinePayload
  const file = s3File(bindings, source.s3.uri)
  return readToolDefinitions(readJsonFile(file), file)
}

/** The tools that an MCP server target has by definition. */
export function staticTools(source: SchemaSource<string>, bindings: Bindings, name: string): Tool[] {
  const file = 's3' in source ? s3File(bindings, source.s3.uri) : undefined
  let json: unknown
  try {
    json = 'inlinePayload' in source ? JSON.parse(source.inlinePayload) : readJsonFile(file!)
  } catch (error) {
    throw wrongTools(name, 'is not JSON', error)
  }
  const tools = Array.isArray(json) ? json : (json as { tools?: unknown } | null)?.tools
  if (!Array.isArray(tools) || !tools.every(isTool))
    throw wrongTools(name, 'is no list of MCP tools: each has a name and an inputSchema')
  return tools
}

function isTool(value: unknown): value is Tool {
  const { name, inputSchema } = (value ?? {}) as { name?: unknown; inputSchema?: unknown }
  return typeof name === 'string' && name !== '' && typeof inputSchema === 'object' && inputSchema !== null
}

function wrongTools(name: string, problem: string, cause?: unknown): FairleadError {
  return new FairleadError('GATEWAY_DEFINITION_INVALID', `${name}: mcpToolSchema ${problem}`, { cause })
}

/** The text of a document, and the address that references in it are relative to. */
export async function documentOf(
  source: SchemaSource<string>,
  bindings: Bindings,
): Promise<{ text: string; address: string }> {
  if ('inlinePayload' in source) return { text: source.inlinePayload, address: 'document:/' }
  const file = s3File(bindings, source.s3.uri)
  try {
    return { text: await readFile(file, 'utf8'), address: pathToFileURL(file).href }
  } catch (error) {
    throw new FairleadError('GATEWAY_BINDING', `${file} cannot be read; the bindings name it for ${source.s3.uri}`, {
      cause: error,
    })
  }
}

/**
 * Reads what a document refers to: files in its own folder or below, and public addresses over https, without redirects.
 * A document from the web never reaches a file.
 */
export function loader(
  address: string,
  locate: (origin: string) => string | undefined,
): (ref: string) => Promise<string> {
  const root = address.startsWith('file:') ? dirname(fileURLToPath(address)) + sep : undefined
  return async (ref) => {
    const url = new URL(ref)
    if (url.protocol === 'file:') {
      const file = fileURLToPath(url)
      if (root === undefined || !file.startsWith(root)) throw new Error('it is outside of the folder of the document')
      return readFile(file, 'utf8')
    }
    if (url.protocol !== 'https:' && url.protocol !== 'http:')
      throw new Error('it is neither a file nor an https address')
    const at = locate(url.origin)
    const upstream = new Upstream(url.origin, { ...(at === undefined ? {} : { at }), maxBytes: 16 * 1024 * 1024 })
    try {
      const headers = {
        accept: 'application/json, application/yaml, */*;q=0.1',
        'user-agent': 'fairlead-gateway',
      }
      const { status, bytes } = await upstream.exchange({
        method: 'GET',
        path: url.pathname + url.search,
        headers,
        timeoutMs: 10_000,
      })
      if (status !== 200) throw new Error(`it answered ${status}`)
      return bytes.toString('utf8')
    } finally {
      await upstream.close()
    }
  }
}
