// A small REST API that openapi.json describes. It prints where it listens.
import { createServer } from 'node:http'

const key = 'sample-key-of-the-example'
const products = new Map(
  [
    { sku: 'ROPE-12', name: 'Rope, 12 mm', stock: 40 },
    { sku: 'CLEAT-8', name: 'Cleat, 8 inches', stock: 12 },
    { sku: 'BLOCK-40', name: 'Block, 40 mm', stock: 0 },
  ].map((product) => [product.sku, product]),
)

const server = createServer(async (req, res) => {
  const { pathname, searchParams } = new URL(req.url ?? '/', 'http://inventory')
  const answer = (status, body) =>
    res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  if (req.headers['x-api-key'] !== key) return answer(401, { message: 'No key, or a wrong one' })
  if (req.method === 'GET' && pathname === '/v1/products') {
    const query = (searchParams.get('query') ?? '').toLowerCase()
    const found = [...products.values()].filter(({ name }) => name.toLowerCase().includes(query))
    return answer(200, found.slice(0, Number(searchParams.get('limit') ?? 100)))
  }
  const [, sku, part] = /^\/v1\/products\/([^/]+)(\/stock)?$/.exec(pathname) ?? []
  const product = sku === undefined ? undefined : products.get(decodeURIComponent(sku))
  if (!product) return answer(404, { message: 'There is no such product' })
  if (req.method === 'GET' && part === undefined) return answer(200, product)
  if (req.method !== 'PUT' || part === undefined) return answer(405, { message: 'Not allowed' })
  let text = ''
  for await (const chunk of req) text += chunk
  product.stock = JSON.parse(text).stock
  return answer(200, product)
})
server.listen(0, '127.0.0.1', () => console.log(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` })))
process.stdin.on('end', () => process.exit()).resume()
