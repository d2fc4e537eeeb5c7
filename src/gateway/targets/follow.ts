import { Refusal } from '../message.ts'

/** A session whose stream of changes can be read. */
interface Followed {
  /** Reads until the stream ends. False: there is none. */
  follow(signal: AbortSignal): Promise<boolean>
}

const firstWaitMs = 1000
const longestWaitMs = 60_000

/**
 * Keeps reading what an MCP server says has changed. A stream that ended is opened again, later each time, after the lists
 * have been asked for, since something may have changed meanwhile. A server without such a stream is left alone.
 */
export function followChanges(session: Followed, refresh: () => Promise<void>): { close(): void } {
  const gone = new AbortController()
  void follow()
  return { close: () => gone.abort() }

  async function follow(): Promise<void> {
    let waitMs = firstWaitMs
    for (let again = false; !gone.signal.aborted; again = true) {
      const began = performance.now()
      try {
        if (again) await refresh()
        if (!(await session.follow(gone.signal))) return
      } catch (error) {
        // It does not know the method: a refusal is its answer.
        if (error instanceof Refusal) return
      }
      waitMs = performance.now() - began > longestWaitMs ? firstWaitMs : Math.min(waitMs * 2, longestWaitMs)
      await pause(waitMs / 2, gone.signal)
    }
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms).unref()
    signal.addEventListener(
      'abort',
      () => {
        clearTimeout(timer)
        resolve()
      },
      { once: true },
    )
  })
}
