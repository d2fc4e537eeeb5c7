/** Passes a streamed response on as it comes, and calls `end` once: when it has ended, broken, or nobody reads it any more. */
export function withEnd(response: Response, end: (bytes: number) => void): Response {
  if ('lightBody' in response) {
    end(Buffer.byteLength(response.lightBody as string))
    return response
  }
  if (!response.body) {
    end(0)
    return response
  }
  const reader = response.body.getReader()
  let bytes = 0
  let ended = false
  const once = () => {
    if (!ended) end(bytes)
    ended = true
  }
  const body = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const { done, value } = await reader.read()
          if (!done) {
            bytes += value.byteLength
            return controller.enqueue(value)
          }
          once()
          controller.close()
        } catch (error) {
          once()
          controller.error(error)
        }
      },
      async cancel(reason) {
        once()
        await reader.cancel(reason).catch(() => {})
      },
    },
    { highWaterMark: 0 },
  )
  return new Response(body, { status: response.status, headers: response.headers })
}
