import type { JSONRPCMessage } from '@modelcontextprotocol/server'

/** More than this is not kept: such a session keeps its server. */
const limits = { subscriptions: 1000, uriLength: 2048 }

type Params = Record<string, unknown>

/**
 * What client and server agreed on, as the messages that did it: `initialize`, `notifications/initialized`, the log level
 * and the resources subscribed to. A request counts when it was answered with a result.
 */
export class Negotiated {
  /** As text, which is smaller than objects. */
  #initialize = ''
  #initialized = false
  #level: Params | undefined
  #subscriptions: Set<string> | undefined
  #asked: Map<string | number, { method: string; params: Params }> | undefined
  /** False when more was agreed than is kept. */
  isComplete = true

  received(message: JSONRPCMessage): void {
    if (!('method' in message)) return
    if (message.method === 'notifications/initialized') this.#initialized = true
    else if ('id' in message && isKept(message.method))
      (this.#asked ??= new Map()).set(message.id, { method: message.method, params: message.params ?? {} })
  }

  sent(message: JSONRPCMessage): void {
    if ('method' in message || message.id === undefined) return
    const asked = this.#asked?.get(message.id)
    if (!asked) return
    this.#asked!.delete(message.id)
    if (this.#asked!.size === 0) this.#asked = undefined
    if ('result' in message) this.#agree(asked.method, asked.params)
  }

  /** The messages to tell a server that is made anew, in order. */
  *messages(): Generator<JSONRPCMessage> {
    const request = (id: string, method: string, params: unknown) =>
      ({ jsonrpc: '2.0', id: `again ${id}`, method, params }) as JSONRPCMessage
    yield request('initialize', 'initialize', JSON.parse(this.#initialize))
    if (this.#initialized) yield { jsonrpc: '2.0', method: 'notifications/initialized' }
    if (this.#level) yield request('level', 'logging/setLevel', this.#level)
    let at = 0
    for (const uri of this.#subscriptions ?? []) yield request(String(at++), 'resources/subscribe', { uri })
  }

  #agree(method: string, params: Params): void {
    if (method === 'initialize') this.#initialize = JSON.stringify(params)
    if (method === 'logging/setLevel') this.#level = params
    if (method === 'resources/subscribe') this.#subscribe(String(params.uri))
    if (method === 'resources/unsubscribe') this.#subscriptions?.delete(String(params.uri))
  }

  #subscribe(uri: string): void {
    this.#subscriptions ??= new Set()
    if (this.#subscriptions.size >= limits.subscriptions || uri.length > limits.uriLength) this.isComplete = false
    else this.#subscriptions.add(uri)
  }
}

function isKept(method: string): boolean {
  return ['initialize', 'logging/setLevel', 'resources/subscribe', 'resources/unsubscribe'].includes(method)
}
