import { InMemoryServerEventBus, type ServerEventBus } from '@modelcontextprotocol/server'
import type { Peers } from './peers.ts'

/** Spreads what changed on one task to the open subscriptions of all, so that `subscriptions/listen` works across tasks. */
export function createEventBus(peers: Peers | undefined): ServerEventBus {
  const here = new InMemoryServerEventBus()
  if (!peers) return here
  peers.on({ event: (event) => here.publish(event) })
  return {
    publish: (event) => {
      here.publish(event)
      peers.broadcast(event)
    },
    subscribe: (listener) => here.subscribe(listener),
  }
}
