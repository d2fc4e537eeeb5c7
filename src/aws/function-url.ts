import { LightRequest } from '../http/light-request.ts'

/** Who signed, as a function URL tells the function. */
export interface IamAuthorizer {
  accessKey: string
  accountId: string
  callerId: string
  cognitoIdentity: null
  principalOrgId: string | null
  userArn: string
  userId: string
}

/** Payload format 2.0. @see https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads */
export interface FunctionUrlEvent {
  version: '2.0'
  routeKey: '$default'
  rawPath: string
  rawQueryString: string
  cookies?: string[]
  headers: Record<string, string>
  queryStringParameters?: Record<string, string>
  requestContext: {
    accountId: string
    apiId: string
    authentication: null
    authorizer?: { iam: IamAuthorizer }
    domainName: string
    domainPrefix: string
    http: { method: string; path: string; protocol: string; sourceIp: string; userAgent: string }
    requestId: string
    routeKey: '$default'
    stage: '$default'
    time: string
    timeEpoch: number
  }
  body?: string
  isBase64Encoded: boolean
}

export interface FunctionUrlFacts {
  requestId: string
  accountId: string
  /** `abc123.lambda-url.us-east-1.on.aws`, or the local host. */
  domainName: string
  sourceIp: string
  now: number
  iam?: IamAuthorizer
}

/**
 * Makes the event that a function URL gives a function.
 * rawPath stays as it was sent while http.path is decoded; header names are lower case; a plus sign in a query is a space;
 * repeated headers and parameters are joined by commas; a body that is not text is base64. Of X-Forwarded-For the leftmost
 * address is left, which is the one that a client wrote.
 * @see https://speedrun.nobackspacecrew.com/blog/2026/03/06/obtaining-caller-ip-address-with-lambda-furls.html (read 2026-11-25)
 */
export function toFunctionUrlEvent(request: LightRequest, facts: FunctionUrlFacts): FunctionUrlEvent {
  const at = request.target.indexOf('?')
  const rawPath = at < 0 ? request.target : request.target.slice(0, at)
  const rawQueryString = at < 0 ? '' : request.target.slice(at + 1)
  const { cookie, ...headers } = headersOf(request.rawHeaders)
  const [forwardedFor] = headers['x-forwarded-for']?.split(',') ?? []
  headers['x-forwarded-for'] = forwardedFor?.trim() ?? facts.sourceIp
  const binary = !isText(headers['content-type'])
  const body = Buffer.from(request.bytes.buffer, request.bytes.byteOffset, request.bytes.byteLength)
  return {
    version: '2.0',
    routeKey: '$default',
    rawPath,
    rawQueryString,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/; ?|,/) }),
    headers,
    ...(rawQueryString === '' ? {} : { queryStringParameters: queryOf(rawQueryString) }),
    requestContext: {
      accountId: facts.iam ? facts.accountId : 'anonymous',
      apiId: facts.domainName.split('.')[0]!,
      authentication: null,
      ...(facts.iam ? { authorizer: { iam: facts.iam } } : {}),
      domainName: facts.domainName,
      domainPrefix: facts.domainName.split('.')[0]!,
      http: {
        method: request.method,
        path: decode(rawPath),
        protocol: 'HTTP/1.1',
        sourceIp: facts.sourceIp,
        userAgent: headers['user-agent'] ?? '',
      },
      requestId: facts.requestId,
      routeKey: '$default',
      stage: '$default',
      time: commonLogTime(facts.now),
      timeEpoch: facts.now,
    },
    ...(body.length === 0 ? {} : { body: body.toString(binary ? 'base64' : 'utf8') }),
    isBase64Encoded: body.length > 0 && binary,
  }
}

/** Makes the request again that an event came from. */
export function fromFunctionUrlEvent(event: FunctionUrlEvent, signal: AbortSignal): LightRequest {
  const cookies = event.cookies?.length ? ['cookie', event.cookies.join('; ')] : []
  return new LightRequest({
    method: event.requestContext.http.method,
    origin: `https://${event.requestContext.domainName}`,
    target: event.rawQueryString === '' ? event.rawPath : `${event.rawPath}?${event.rawQueryString}`,
    rawHeaders: [...Object.entries(event.headers).flat(), ...cookies],
    bytes: Buffer.from(event.body ?? '', event.isBase64Encoded ? 'base64' : 'utf8'),
    signal,
  })
}

function headersOf(raw: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = Object.create(null) as Record<string, string>
  for (let at = 0; at + 1 < raw.length; at += 2) {
    const name = raw[at]!.toLowerCase()
    headers[name] = name in headers ? `${headers[name]!},${raw[at + 1]!}` : raw[at + 1]!
  }
  return { ...headers }
}

function queryOf(query: string): Record<string, string> {
  const all = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query))
    all.set(name, all.has(name) ? `${all.get(name)!},${value}` : value)
  return Object.fromEntries(all)
}

function isText(type: string | undefined): boolean {
  return (
    type === undefined ||
    /^(text\/|application\/(json|javascript|xml|x-www-form-urlencoded|[a-z0-9.+-]+\+(json|xml))\b)/i.test(type)
  )
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The Common Log Format's time: `22/Nov/2026:10:00:00 +0000`. */
function commonLogTime(now: number): string {
  const date = new Date(now)
  const two = (value: number) => String(value).padStart(2, '0')
  return `${two(date.getUTCDate())}/${months[date.getUTCMonth()]!}/${date.getUTCFullYear()}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`
}
