// What a guard for access tokens costs: the same server with and without it, in one run.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { startServer, type BenchServer } from './support/child.ts'
import { closedLoop, send, toolCalls } from './support/load.ts'
import { median, type Row } from './support/table.ts'

const modes = ['open', 'control', 'warm', 'fresh'] as const
type Mode = (typeof modes)[number]
type Figures = Record<Mode, { rps: number; cpu: number }>

/**
 * One process for each mode, as many calls to each, and another order each round: a process that has answered more calls
 * is faster, by more than a guard costs. `control` is a second unguarded server: how far it is from 1 is what a ratio can be wrong by.
 */
export async function bearer(quick: boolean): Promise<Row[]> {
  const rounds = quick ? 4 : 12
  const calls = quick ? 400 : 800
  const warmUp = quick ? 1000 : 2500
  const issuer = await startIssuer()
  const servers = {
    open: await startServer('open', 'bearer.ts'),
    control: await startServer('control', 'bearer.ts'),
    warm: await startServer('warm', 'bearer.ts', [issuer.url]),
    fresh: await startServer('fresh', 'bearer.ts', [issuer.url]),
  }
  // Signing costs more than verifying, and is not what is measured: it is done before.
  const fresh = await issuer.tokens(servers.fresh.url, warmUp + rounds * calls)
  const [one] = await issuer.tokens(servers.warm.url, 1)
  const run = (mode: Mode, count: number) =>
    measure(servers[mode], count, () => (mode === 'fresh' ? fresh.pop()! : one!))
  for (const mode of modes) await run(mode, warmUp)
  const measured: Figures[] = []
  for (let round = 0; round < rounds; round++) {
    const figures: Partial<Figures> = {}
    for (let at = 0; at < modes.length; at++) {
      const mode = modes[(at + round) % modes.length]!
      figures[mode] = await run(mode, calls)
    }
    measured.push(figures as Figures)
  }
  for (const server of Object.values(servers)) await server.stop()
  issuer.close()
  const cpu = (mode: Mode) => median(measured.map((figures) => figures[mode].cpu))
  const row = (mode: Mode, name: string, atLeast?: number): Row => ({
    name,
    measured: median(measured.map((figures) => figures[mode].rps / figures.open.rps)),
    unit: '×',
    ...(atLeast === undefined ? {} : { goal: { atLeast } }),
    note: `CPU a call ${cpu(mode).toFixed(0)} and ${cpu('open').toFixed(0)} µs`,
  })
  return [
    row('control', 'bearer: an unguarded server over another one (1 but for noise)'),
    row('warm', 'bearer: guarded throughput over unguarded, token verified before', 0.9),
    row('fresh', 'bearer: the same, another token for each call, RS256', 0.7),
  ]
}

async function measure(server: BenchServer, calls: number, token: () => string): Promise<{ rps: number; cpu: number }> {
  const { headers, body } = toolCalls.modern
  const before = await server.cpu()
  const rps = await closedLoop(calls, 8, () =>
    send(server.url, { body, headers: { ...headers, authorization: `Bearer ${token()}` } }),
  )
  return { rps, cpu: ((await server.cpu()) - before) / calls }
}

async function startIssuer(): Promise<{
  url: string
  tokens(aud: string, count: number): Promise<string[]>
  close(): void
}> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'RS256', use: 'sig' }
  let url = ''
  const server = createServer((req, res) => {
    res.setHeader('content-type', 'application/json')
    res.end(JSON.stringify(req.url === '/jwks' ? { keys: [jwk] } : { issuer: url, jwks_uri: `${url}/jwks` }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let serial = 0
  const token = (aud: string) =>
    new SignJWT({ client_id: 'bench', scope: 'bench/read bench/echo', jti: `bench-${++serial}` })
      .setProtectedHeader({ alg: 'RS256', typ: 'at+jwt', kid: 'bench' })
      .setIssuer(url)
      .setSubject('ada')
      .setAudience(aud)
      .setIssuedAt()
      .setExpirationTime('10 min')
      .sign(privateKey)
  return {
    url,
    tokens: (aud, count) => Promise.all(Array.from({ length: count }, () => token(aud))),
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}
