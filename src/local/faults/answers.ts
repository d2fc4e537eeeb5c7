type Headers = [name: string, value: string][]

export interface Answer {
  method: string
  path: string
  status: number
  headers: Headers
}

export interface Change {
  status?: number
  headers?: Headers
  /** Collects the whole body, and writes it anew. */
  body?: (text: string) => string
  /** Nothing is sent before everything is there. */
  hold?: true
}

const isMetadata = ({ path }: Answer) => path.startsWith('/.well-known/oauth-protected-resource')
const isServerMetadata = ({ path }: Answer) =>
  /\/\.well-known\/(oauth-authorization-server|openid-configuration)/.test(path)
const isStream = ({ headers }: Answer) =>
  headers.some(([name, value]) => name.toLowerCase() === 'content-type' && value.startsWith('text/event-stream'))

/** What hops and servers get wrong about their answers. Each is seen from outside, by `fairlead doctor`. */
export const answerFaults = {
  'challenge-missing': {
    does: 'A 401 has no WWW-Authenticate.',
    breaks: (answer: Answer) =>
      only(named(answer, 'www-authenticate'), { headers: without(answer, 'www-authenticate') }),
  },
  'challenge-remapped': {
    does: 'WWW-Authenticate arrives as x-amzn-remapped-www-authenticate, as through a function URL or API Gateway.',
    breaks: (answer: Answer) =>
      only(named(answer, 'www-authenticate'), {
        headers: answer.headers.map(([name, value]) => [
          /^www-authenticate$/i.test(name) ? 'x-amzn-remapped-www-authenticate' : name,
          value,
        ]),
      }),
  },
  'metadata-missing': {
    does: 'The protected-resource metadata is not there.',
    breaks: (answer: Answer) => only(isMetadata(answer), { status: 404, body: () => '{"error":"not found"}' }),
  },
  'metadata-resource': {
    does: 'The metadata names the resource with a slash at its end.',
    breaks: (answer: Answer) =>
      only(isMetadata(answer), { body: json((doc) => ({ ...doc, resource: `${String(doc.resource)}/` })) }),
  },
  'metadata-no-server': {
    does: 'The metadata names no authorization server.',
    breaks: (answer: Answer) =>
      only(isMetadata(answer), { body: json((doc) => ({ ...doc, authorization_servers: [] })) }),
  },
  'pkce-not-advertised': {
    does: 'The metadata of the authorization server does not say that it does PKCE, as Cognito’s own does not.',
    breaks: (answer: Answer) =>
      only(isServerMetadata(answer), {
        body: json((doc) => ({ ...doc, code_challenge_methods_supported: undefined })),
      }),
  },
  'registration-missing': {
    does: 'The authorization server offers no way for a new client to be known.',
    breaks: (answer: Answer) =>
      only(isServerMetadata(answer), {
        body: json((doc) => ({
          ...doc,
          registration_endpoint: undefined,
          client_id_metadata_document_supported: undefined,
        })),
      }),
  },
  'issuer-differs': {
    does: 'The metadata of the authorization server names another issuer than the one that was asked.',
    breaks: (answer: Answer) =>
      only(isServerMetadata(answer), { body: json((doc) => ({ ...doc, issuer: `${String(doc.issuer)}/v2` })) }),
  },
  'stream-buffered': {
    does: 'A hop holds a stream back until it has ended.',
    breaks: (answer: Answer) => only(isStream(answer), { hold: true }),
  },
  'cors-duplicate': {
    does: 'Two hops add Access-Control-Allow-Origin.',
    breaks: (answer: Answer) =>
      only(named(answer, 'access-control-allow-origin'), {
        headers: answer.headers.map(([name, value]) => [
          name,
          /^access-control-allow-origin$/i.test(name) ? `${value}, ${value}` : value,
        ]),
      }),
  },
  'content-type-wrong': {
    does: 'A hop sends answers of JSON-RPC as text/html.',
    breaks: (answer: Answer) =>
      only(answer.method === 'POST' && answer.path.startsWith('/mcp') && answer.status === 200, {
        headers: [...without(answer, 'content-type'), ['content-type', 'text/html']],
      }),
  },
  'empty-body-sent': {
    does: 'An answer without a body, 202, is sent as 200.',
    breaks: (answer: Answer) => only(answer.status === 202, { status: 200 }),
  },
} as const satisfies Record<string, { does: string; breaks: (answer: Answer) => Change | undefined }>

export type AnswerFaultName = keyof typeof answerFaults

/** What these faults make of an answer; undefined: nothing. */
export function breakAnswer(answer: Answer, names: readonly AnswerFaultName[]): Change | undefined {
  let change: Change | undefined
  for (const name of names) {
    const next = answerFaults[name].breaks({ ...answer, headers: change?.headers ?? answer.headers })
    if (!next) continue
    const [first, second] = [change?.body, next.body]
    change = { ...change, ...next, ...(first && second ? { body: (text: string) => second(first(text)) } : {}) }
  }
  // The length is that of another body now.
  if (change?.body)
    change.headers = (change.headers ?? answer.headers).filter(([name]) => !/^content-(length|encoding)$/i.test(name))
  return change
}

function only(applies: boolean, change: Change): Change | undefined {
  return applies ? change : undefined
}

function named({ headers }: Answer, wanted: string): boolean {
  return headers.some(([name]) => name.toLowerCase() === wanted)
}

function without({ headers }: Answer, unwanted: string): Headers {
  return headers.filter(([name]) => name.toLowerCase() !== unwanted)
}

function json(change: (document: Record<string, unknown>) => Record<string, unknown>): (text: string) => string {
  return (text) => {
    try {
      return JSON.stringify(change(JSON.parse(text) as Record<string, unknown>))
    } catch {
      return text
    }
  }
}
