import type { FargateConfig } from '../config.ts'
import type { EndpointOptions } from '../mcp/endpoint.ts'
import { createPeers, peerPath, type Peers } from '../mcp/peers/peers.ts'
import { sharedSecret } from '../state/shared-secret.ts'
import type { Table } from '../state/table.ts'

/** What a task has beside the server: its siblings, and sessions when the configuration asks for them. */
export interface FargateTask {
  options: Pick<EndpointOptions, 'sessions' | 'peers'>
  /** Paths that answer for themselves who may call. */
  openPaths: readonly string[]
  /** Call it when the task listens; it is known to the others from then on. */
  listening(url: string): Promise<void>
  close(): Promise<void>
}

/**
 * Makes a process a task among others, where it finds itself on fargate: tasks find each other in the shared table, and
 * reach each other by the task's own address in its network.
 */
export function taskOf({ sessions }: Pick<FargateConfig, 'sessions'>) {
  return (env: NodeJS.ProcessEnv, table: Table): FargateTask | undefined => {
    if (env.FAIRLEAD_PLATFORM !== 'fargate') return undefined
    let address = ''
    const peers: Peers = createPeers({ table, secret: sharedSecret(env), address: () => address })
    return {
      options: { peers, ...(sessions === 'stateful' ? { sessions: {} } : {}) },
      openPaths: [peerPath],
      listening: async (url) => {
        address = await ownAddress(url, env)
        await peers.start()
      },
      close: () => peers.close(),
    }
  }
}

/**
 * Where the other tasks reach this one: its address in the VPC, as ECS tells it; the address that it listens on elsewhere.
 * @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-metadata-endpoint-v4-fargate.html
 */
async function ownAddress(url: string, env: NodeJS.ProcessEnv): Promise<string> {
  const metadata = env.ECS_CONTAINER_METADATA_URI_V4
  if (metadata === undefined) return url
  const response = await fetch(metadata, { signal: AbortSignal.timeout(3000) })
  const { Networks } = (await response.json()) as { Networks?: { IPv4Addresses?: string[] }[] }
  const ip = Networks?.[0]?.IPv4Addresses?.[0]
  if (!ip) throw new Error('The task metadata of ECS has no address')
  return `http://${ip}:${new URL(url).port}`
}
