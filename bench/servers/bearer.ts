// A server of the bearer bench: the host alone, or behind a guard for the tokens of the issuer that is named.
import type { FetchHandler } from '../../src/http/fetch-handler.ts'
import { serviceProfile } from '../../src/auth/bearer/profiles.ts'
import { createTokenVerifier } from '../../src/auth/bearer/verify.ts'
import { withBearer } from '../../src/auth/bearer/with-bearer.ts'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { MemoryTable } from '../../src/state/memory.ts'
import { benchFactory } from './factory.ts'
import { announce } from './serve.ts'

const issuer = process.argv[2]
const endpoint = createMcpEndpoint({ kind: 'factory', factory: benchFactory(1, 'once') })
let handler: FetchHandler = endpoint.fetch
const url = `${(await listen((request, context) => handler(request, context))).url}/mcp`
if (issuer !== undefined)
  handler = withBearer(endpoint.fetch, {
    resource: url,
    authorizationServers: [issuer],
    verifier: createTokenVerifier({ profile: serviceProfile({ issuer, resource: url }) }),
    scopes: { supported: [], base: ['bench/read'], tools: { echo: ['bench/echo'] } },
    proofs: new MemoryTable(),
  })
announce(url)
