import { McpServer, type McpServerFactory, type Server } from '@modelcontextprotocol/server'

/** The parts of the SDK's server that cost a request and give it nothing. test/mcp/lean-server.test.ts fails when they move. */
interface Costly {
  _onclose(): void
}
interface Converting {
  toolInputSchemaJson(name: string): unknown
  _registeredTools: Record<string, { inputSchema?: object; enabled: boolean }>
}

/** The JSON schema of an input schema that names headers (`x-mcp-header`); null of one that names none. */
const withHeaders = new WeakMap<object, { json: unknown } | null>()

/**
 * Makes every server of a factory do once what it would do for each request: the JSON schema of a tool that is called is
 * needed only for the headers it may name, and is the same as long as its schema object is. Nothing of a client is kept.
 * And it closes without a stack for an error that nobody reads: that alone is a twentieth of a call.
 */
export function lean(factory: McpServerFactory): McpServerFactory {
  return async (context) => {
    const product = await factory(context)
    const server = (product instanceof McpServer ? product.server : product) as Server & Costly
    const close = server._onclose
    server._onclose = () => withoutStacks(() => close.call(server))
    if (product instanceof McpServer && context.era === 'modern') convertOnce(product as unknown as Converting)
    return product
  }
}

function convertOnce(product: Converting): void {
  const convert = product.toolInputSchemaJson
  product.toolInputSchemaJson = (name) => {
    const schema = Object.hasOwn(product._registeredTools, name)
      ? product._registeredTools[name]!.inputSchema
      : undefined
    if (schema === undefined) return undefined
    const known = withHeaders.get(schema)
    if (known !== undefined) return known?.json
    const json = convert.call(product, name)
    if (json === undefined) return undefined
    const names = JSON.stringify(json).includes('"x-mcp-header"')
    withHeaders.set(schema, names ? { json } : null)
    return names ? json : undefined
  }
}

function withoutStacks(work: () => void): void {
  const { stackTraceLimit } = Error
  Error.stackTraceLimit = 0
  try {
    work()
  } finally {
    Error.stackTraceLimit = stackTraceLimit
  }
}
