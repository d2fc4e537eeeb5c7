/** A stream of server-sent events that can be ended from our side. */
export interface Endable {
  response: Response
  /** Ends it cleanly, with the time after which the client may come back. */
  end(retryMs: number): void
}

/** Passes a streamed response on as it comes; `onEnd` is called once, when it has ended, broken or been left. */
export function endable(response: Response, onEnd: () => void): Endable {
  const reader = response.body!.getReader()
  let out: ReadableStreamDefaultController<Uint8Array>
  let ended = false
  const once = () => {
    if (ended) return false
    ended = true
    onEnd()
    return true
  }
  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        out = controller
      },
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (ended) return
          if (!done) return controller.enqueue(value)
          once()
          controller.close()
        } catch (error) {
          if (once()) controller.error(error)
        }
      },
      async cancel(reason) {
        once()
        await reader.cancel(reason).catch(() => {})
      },
    },
    { highWaterMark: 0 },
  )
  return {
    response: new Response(body, { status: response.status, headers: response.headers }),
    end: (retryMs) => {
      if (!once()) return
      out.enqueue(Buffer.from(`retry: ${retryMs}\n\n`))
      out.close()
      void reader.cancel().catch(() => {})
    },
  }
}
