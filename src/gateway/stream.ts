import type { Message } from './message.ts'
import type { Outcome } from './methods.ts'

/** Whether progress may come before the answer: only a client that gave a token for it, and reads a stream, gets one. */
export function wantsStream(request: Request, messages: readonly Message[]): boolean {
  const [message, ...more] = messages
  if (!message || more.length > 0 || message.id === undefined || message.method !== 'tools/call') return false
  const { _meta: meta } = message.params as { _meta?: { progressToken?: unknown } | null }
  return meta?.progressToken !== undefined && (request.headers.get('accept') ?? '').includes('text/event-stream')
}

/** Answers as server-sent events: notifications as they come, then the response. */
export function streamed(
  run: (onProgress: (params: Record<string, unknown>) => void) => Promise<Outcome | undefined>,
): Response {
  const encoder = new TextEncoder()
  let open = true
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      const send = (json: string) => {
        if (open) controller.enqueue(encoder.encode(`event: message\ndata: ${json}\n\n`))
      }
      const onProgress = (params: Record<string, unknown>) =>
        send(JSON.stringify({ jsonrpc: '2.0', method: 'notifications/progress', params }))
      void run(onProgress).then(
        (outcome) => {
          if (outcome) send(outcome.body)
          if (open) controller.close()
          open = false
        },
        (error: unknown) => {
          if (open) controller.error(error)
          open = false
        },
      )
    },
    cancel() {
      open = false
    },
  })
  return new Response(body, {
    status: 200,
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
    },
  })
}
