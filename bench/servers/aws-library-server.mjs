// AWS's library as a process, so that its first answer can be timed like the others'.
import { createServer } from 'node:http'
import {
  LambdaFunctionURLEventHandler,
  StdioServerAdapterRequestHandler,
} from '../../tools/interop/node_modules/@aws/run-mcp-servers-with-aws-lambda/dist/index.js'

const handler = new LambdaFunctionURLEventHandler(
  new StdioServerAdapterRequestHandler({ command: process.execPath, args: [STDIO_SERVER] }),
)
const server = createServer(async (req, res) => {
  const chunks = []
  for await (const chunk of req) chunks.push(chunk)
  const event = {
    version: '2.0',
    rawPath: req.url,
    rawQueryString: '',
    headers: req.headers,
    requestContext: { http: { method: req.method, path: req.url } },
    body: Buffer.concat(chunks).toString(),
    isBase64Encoded: false,
  }
  const { statusCode, headers, body } = await handler.handle(event, {
    awsRequestId: 'r',
    getRemainingTimeInMillis: () => 60_000,
  })
  res.writeHead(statusCode, headers).end(body)
})
server.listen(0, '127.0.0.1', () =>
  console.log(JSON.stringify({ listening: `http://127.0.0.1:${server.address().port}` })),
)
