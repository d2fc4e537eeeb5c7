// A server of the observability bench: the host alone, or observed as on AWS: lines, and spans when a collector is named.
import { observerOf } from '../../src/adapters/observe/observer.ts'
import { listen } from '../../src/http/node-server.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { benchFactory } from './factory.ts'
import { announce } from './serve.ts'

const [, , metrics, collector] = process.argv
const { fetch } = createMcpEndpoint({ kind: 'factory', factory: benchFactory(1, 'once') })
const observer = observerOf({
  FAIRLEAD_SERVER: 'bench',
  FAIRLEAD_PLATFORM: 'lambda',
  ...(metrics ? { FAIRLEAD_METRICS: metrics } : {}),
  ...(collector ? { OTEL_EXPORTER_OTLP_ENDPOINT: collector } : {}),
})
announce(`${(await listen(observer ? observer.outside(observer.inside(fetch)) : fetch)).url}/mcp`)
