import type { IncomingMessage, ServerResponse } from 'node:http'

/** What an ALB says when it answers by itself. @see https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html */
const titles = {
  403: '403 Forbidden',
  404: '404 Not Found',
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
} as const

/** Answers with the load balancer's own page, and ends the connection's request. */
export function errorPage(req: IncomingMessage, res: ServerResponse, status: keyof typeof titles): void {
  const title = titles[status]
  const body = `<html>\r\n<head><title>${title}</title></head>\r\n<body>\r\n<center><h1>${title}</h1></center>\r\n</body>\r\n</html>\r\n`
  req.resume()
  res
    .writeHead(status, { server: 'awselb/2.0', 'content-type': 'text/html', 'content-length': body.length })
    .end(req.method === 'HEAD' ? undefined : body)
}
