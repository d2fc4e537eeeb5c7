import type { PushOptions } from './oci/push.ts'

/** So long nothing is said of a layer that is under way. */
const quietMs = 5000

const arrived = { present: 'is there', mounted: 'was there, in another repository', sent: 'sent' } as const

/** Says how far a push is: each layer when it is there, and what takes long meanwhile. The configuration comes after the layers. */
export function pushProgress(
  layers: number,
  { note, now = Date.now }: { note: (line: string) => void; now?: () => number },
): Required<Pick<PushOptions, 'onSent' | 'onBlob'>> {
  let at = 1
  let said = now()
  const say = (line: string) => {
    said = now()
    if (at <= layers) note(`  layer ${at} of ${layers}: ${line}`)
  }
  return {
    onSent: ({ size, sent }) => {
      if (sent < size && now() - said >= quietMs) say(`${megabytes(sent)} of ${megabytes(size)} MB sent`)
    },
    onBlob: ({ size, how }) => {
      say(`${megabytes(size)} MB ${arrived[how]}`)
      at++
    },
  }
}

export function megabytes(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}
