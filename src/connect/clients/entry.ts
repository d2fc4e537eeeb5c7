import { clientFacts, type ClientName, type StdioEntry } from './table.ts'

export interface Endpoint {
  url: string
  auth: 'sigv4' | 'oauth' | 'none'
  /** What `fairlead proxy` is told: the address and its flags. */
  proxyArgs: string[]
}

export interface ClientEntry {
  client: ClientName
  title: string
  name: string
  /** `native`: the client speaks HTTP with the endpoint itself; `proxy`: through `fairlead proxy`. */
  via: 'native' | 'proxy'
  entry: Record<string, unknown>
  command?: string[]
  link?: string
  quirks: string[]
}

/** Makes a client's entry for an endpoint: by HTTP where the client can, through the proxy where it cannot, or where requests are signed. */
export function entryFor(client: ClientName, name: string, endpoint: Endpoint, proxy: StdioEntry): ClientEntry {
  const { title, remote, stdio, command, link, quirks } = clientFacts(client)
  const native = endpoint.auth !== 'sigv4' && remote !== undefined
  const started = { command: proxy.command, args: [...proxy.args, 'proxy', ...endpoint.proxyArgs] }
  const entry = native ? remote(endpoint.url) : stdio(started)
  return {
    client,
    title,
    name,
    via: native ? 'native' : 'proxy',
    entry,
    ...(command ? { command: command(name, native ? { url: endpoint.url } : started) } : {}),
    ...(link ? { link: link(name, entry) } : {}),
    quirks,
  }
}

/** How a client starts fairlead: by npx where it is an installed package, else from where it is. */
export function fairleadCommand(bin: string, platform: NodeJS.Platform = process.platform): StdioEntry {
  if (!/[\\/]node_modules[\\/]fairlead[\\/]/.test(bin)) return { command: process.execPath, args: [bin] }
  // npx is a .cmd file on Windows, which cannot be started directly.
  return platform === 'win32' ? { command: 'cmd', args: ['/c', 'npx', '-y', 'fairlead'] } : { command: 'npx', args: ['-y', 'fairlead'] } // prettier-ignore
}
