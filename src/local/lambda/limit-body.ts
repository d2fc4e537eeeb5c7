/** Passes a stream on as it comes, `first` before it, and ends it when it has given as many bytes as it may. */
export function limitBody(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
  first?: Uint8Array,
): ReadableStream<Uint8Array> {
  const reader = body.getReader()
  let left = maxBytes
  return new ReadableStream<Uint8Array>(
    {
      start: (controller) => {
        if (!first?.byteLength) return
        left -= first.byteLength
        controller.enqueue(first)
      },
      pull: async (controller) => {
        const { done, value } = await reader.read()
        if (done) return controller.close()
        controller.enqueue(value.byteLength <= left ? value : value.subarray(0, left))
        left -= value.byteLength
        if (left > 0) return
        controller.close()
        await reader.cancel()
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  )
}
