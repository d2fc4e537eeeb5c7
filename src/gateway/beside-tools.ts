import { codes } from '../mcp/json-rpc.ts'
import type { Era } from '../mcp/revisions.ts'
import { Refusal } from './message.ts'
import { separator, splitName, type McpSide, type Target } from './tool.ts'

type Item = Record<string, unknown>

/** Prompts of all MCP servers, named like tools: `target___prompt`. */
export async function listPrompts(targets: readonly Target[]): Promise<Item[]> {
  const lists = await Promise.all(
    targets.map(async ({ name: target, mcp }) =>
      (await listed(mcp, 'prompts/list', 'prompts')).map((each) => ({
        ...each,
        name: target + separator + String(each.name),
      })),
    ),
  )
  return lists.flat()
}

export async function getPrompt(targets: readonly Target[], params: Item, signal: AbortSignal): Promise<Item> {
  const split = typeof params.name === 'string' ? splitName(params.name) : undefined
  const mcp = split && targets.find(({ name }) => name === split.target)?.mcp
  if (!mcp) throw new Refusal(200, codes.invalidParams, `Unknown prompt: ${String(params.name).slice(0, 300)}`)
  return mcp.request('prompts/get', { ...params, name: split.tool }, signal)
}

/** Of two servers with a resource of one URI the one with the lower `resourcePriority` has it; of equals, the first. */
export async function listResources(targets: readonly Target[]): Promise<Item[]> {
  return first(
    'uri',
    await Promise.all(byPriority(targets).map(({ mcp }) => listed(mcp, 'resources/list', 'resources'))),
  )
}

export async function listTemplates(targets: readonly Target[]): Promise<Item[]> {
  const lists = byPriority(targets).map(({ mcp }) => listed(mcp, 'resources/templates/list', 'resourceTemplates'))
  return first('uriTemplate', await Promise.all(lists))
}

export async function readResource(
  targets: readonly Target[],
  params: Item,
  { era, signal }: { era: Era; signal: AbortSignal },
): Promise<Item> {
  const { uri } = params
  if (typeof uri !== 'string') throw new Refusal(200, codes.invalidParams, 'Invalid params: params.uri is not a string')
  const owner = await ownerOf(uri, targets)
  // -32002 until 2025-11-25; it must not be sent any more since.
  if (!owner)
    throw new Refusal(200, era === 'modern' ? codes.invalidParams : -32_002, `Resource not found: ${uri.slice(0, 300)}`)
  return owner.request('resources/read', params, signal)
}

async function ownerOf(uri: string, targets: readonly Target[]): Promise<McpSide | undefined> {
  const sides = byPriority(targets).map(({ mcp }) => mcp!)
  for (const side of sides)
    if ((await listed(side, 'resources/list', 'resources')).some((each) => each.uri === uri)) return side
  for (const side of sides) {
    const templates = await listed(side, 'resources/templates/list', 'resourceTemplates')
    if (templates.some(({ uriTemplate }) => typeof uriTemplate === 'string' && matches(uriTemplate, uri))) return side
  }
  return undefined
}

function byPriority(targets: readonly Target[]): Target[] {
  return targets.filter(({ mcp }) => mcp).toSorted((a, b) => a.mcp!.resourcePriority - b.mcp!.resourcePriority)
}

function first(key: string, lists: Item[][]): Item[] {
  const seen = new Set<unknown>()
  return lists.flat().filter((each) => !seen.has(each[key]) && seen.add(each[key]))
}

/** A server that has none of it, or that is dead, has nothing to list. */
async function listed(mcp: McpSide | undefined, method: string, member: string): Promise<Item[]> {
  return mcp ? [...(await mcp.list(method, member).catch(() => []))] : []
}

/** Whether a URI may be one of a template's (RFC 6570): what is between the expressions is there, in order. */
function matches(template: string, uri: string): boolean {
  const parts = template.split(/\{[^}]*\}/)
  let at = parts[0]!.length
  if (!uri.startsWith(parts[0]!)) return false
  for (const part of parts.slice(1, -1)) {
    const next = uri.indexOf(part, at)
    if (next < 0) return false
    at = next + part.length
  }
  const last = parts.length > 1 ? parts.at(-1)! : ''
  return parts.length === 1 ? uri === template : uri.length >= at + last.length && uri.endsWith(last)
}
