import { resolve } from 'node:path'
import type { Bindings } from '../../gateway/bindings.ts'
import { startStandIn, type StandIn } from '../stand-in.ts'

/** Starts what the bindings say is to be run, and gives its address by origin. What was started is closed by `closers`. */
export async function startPlaces(
  { endpoints = {}, dir }: Bindings,
  closers: (() => Promise<void>)[],
): Promise<Map<string, string>> {
  const places = new Map<string, string>()
  const outcomes = await Promise.allSettled(
    Object.entries(endpoints).map(async ([origin, place]) => {
      if (typeof place === 'string') return
      const started: StandIn = await startStandIn({ standIn: resolve(dir, place.run), env: ['URL'] }, dir)
      closers.push(() => started.close())
      places.set(origin, started.env.URL!)
    }),
  )
  const failed = outcomes.find((each) => each.status === 'rejected')
  if (failed) throw failed.reason
  return places
}
