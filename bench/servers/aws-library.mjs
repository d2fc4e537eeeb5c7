// AWS's own library, called in process as Lambda would call it. Each message from the bench is one tool call.
import {
  LambdaFunctionURLEventHandler,
  StdioServerAdapterRequestHandler,
} from '../../tools/interop/node_modules/@aws/run-mcp-servers-with-aws-lambda/dist/index.js'

const [command, ...args] = process.argv.slice(2)
const handler = new LambdaFunctionURLEventHandler(new StdioServerAdapterRequestHandler({ command, args }))
const body = JSON.stringify({
  jsonrpc: '2.0',
  id: 1,
  method: 'tools/call',
  params: { name: 'echo', arguments: { text: 'hello' } },
})
const event = {
  version: '2.0',
  rawPath: '/mcp',
  rawQueryString: '',
  headers: {
    'content-type': 'application/json',
    accept: 'application/json, text/event-stream',
    'mcp-protocol-version': '2025-11-25',
  },
  requestContext: { http: { method: 'POST', path: '/mcp' } },
  body,
  isBase64Encoded: false,
}
process.on('message', async () => {
  const started = performance.now()
  const { statusCode, body: answer } = await handler.handle(event, {
    awsRequestId: 'r',
    getRemainingTimeInMillis: () => 60_000,
  })
  process.send(
    statusCode === 200 && answer.includes('hello') ? performance.now() - started : `${statusCode}: ${answer}`,
  )
})
process.send('ready')
