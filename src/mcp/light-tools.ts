import { McpServer } from '@modelcontextprotocol/server'

type Handler = (...given: unknown[]) => unknown

/** The private part of McpServer that keeps its tools. */
interface ToolKeeper {
  _registeredTools: Record<string, object>
  _toolInputSchemaJson: Record<string, unknown>
  setToolRequestHandlers(): void
  sendToolListChanged(): void
}

type Register = (this: ToolKeeper, ...given: ToolParts) => object

/** What the SDK's `_createRegisteredTool` takes. */
type ToolParts = [
  name: string,
  title: unknown,
  description: unknown,
  inputSchema: unknown,
  outputSchema: unknown,
  annotations: unknown,
  icons: unknown,
  execution: unknown,
  scopeChallenge: unknown,
  _meta: unknown,
  handler: Handler,
]

const prototype = McpServer.prototype as unknown as { _createRegisteredTool: Register }
const original = prototype._createRegisteredTool

/** Names that the SDK warns about are its own to register. */
const plainName = /^[a-z0-9_](?:[a-z0-9_.-]{0,62}[a-z0-9_])?$/i

/**
 * A registered tool as the SDK makes it, without accessors of its own. The SDK's has a getter that closes over the server:
 * V8 makes a hidden class of old age for each, which keeps the whole server of every request alive until a full collection.
 * With thirty tools that is a third of the CPU of a call. A change to a tool is still made by the SDK, on a twin.
 */
class LightTool {
  enabled = true
  outputSchema: unknown = undefined
  outputSchemaJson: unknown = undefined
  title: unknown
  description: unknown
  inputSchema: unknown
  annotations: unknown
  icons: unknown
  execution: unknown
  scopeChallenge: unknown
  _meta: unknown
  handler: Handler
  executor: Handler
  readonly #keeper: ToolKeeper
  #name: string

  constructor(keeper: ToolKeeper, parts: ToolParts) {
    this.#keeper = keeper
    const [name, title, description, inputSchema, , annotations, icons, execution, scopeChallenge, _meta, handler] =
      parts
    this.#name = name
    this.title = title
    this.description = description
    this.inputSchema = inputSchema
    this.annotations = annotations
    this.icons = icons
    this.execution = execution
    this.scopeChallenge = scopeChallenge
    this._meta = _meta
    this.handler = handler
    this.executor = inputSchema ? handler : (_args, context) => handler(context)
  }

  get enable(): () => void {
    return () => this.#change({ enabled: true })
  }

  get disable(): () => void {
    return () => this.#change({ enabled: false })
  }

  get remove(): () => void {
    return () => this.#change({ name: null })
  }

  get update(): (updates: object) => void {
    return (updates) => this.#change(updates)
  }

  #change(updates: object): void {
    const keeper = this.#keeper
    const tools = keeper._registeredTools[this.#name] === this ? keeper._registeredTools : {}
    const quiet = {
      _registeredTools: tools,
      _toolInputSchemaJson: keeper._toolInputSchemaJson,
      setToolRequestHandlers: () => {},
      sendToolListChanged: () => {},
    }
    const parts: ToolParts = [
      this.#name,
      this.title,
      this.description,
      this.inputSchema,
      this.outputSchema,
      this.annotations,
      this.icons,
      this.execution,
      this.scopeChallenge,
      this._meta,
      this.handler,
    ]
    const twin = original.call(quiet, ...parts) as LightTool
    twin.enabled = this.enabled
    twin.update(updates)
    for (const name of Object.keys(tools))
      if (tools[name] === twin) {
        tools[name] = this
        this.#name = name
      }
    const { enable: _enable, disable: _disable, remove: _remove, update: _update, ...changed } = twin
    Object.assign(this, changed)
    keeper.sendToolListChanged()
  }
}

/** Registers plain tools lightly from now on, in this process. With another SDK than this was written for it does nothing. */
export function registerToolsLightly(): boolean {
  if (prototype._createRegisteredTool !== original) return true
  if (!isKnown()) return false
  prototype._createRegisteredTool = function (...parts) {
    const [name, , , , outputSchema] = parts
    if (outputSchema !== undefined || !plainName.test(name)) return original.call(this, ...parts)
    const tool = new LightTool(this, parts)
    this._registeredTools[name] = tool
    this.setToolRequestHandlers()
    this.sendToolListChanged()
    return tool
  }
  return true
}

/** Whether the SDK's own registered tool has the members of ours, no more and no less. */
function isKnown(): boolean {
  if (typeof original !== 'function' || original.length !== 11) return false
  const server = new McpServer({ name: 'probe', version: '1' })
  const theirs = server.registerTool('probe', {}, () => ({ content: [] }))
  const keeper = server as unknown as ToolKeeper
  if (keeper._registeredTools?.probe !== theirs || typeof keeper._toolInputSchemaJson !== 'object') return false
  const parts = ['probe', ...Array.from({ length: 9 }), () => {}] as unknown as ToolParts
  const ours = [...Object.keys(new LightTool(keeper, parts)), 'enable', 'disable', 'remove', 'update']
  return Object.keys(theirs).toSorted().join() === ours.toSorted().join()
}
