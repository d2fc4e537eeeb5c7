import { existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from '@modelcontextprotocol/client'
import { isRunning } from '../../support/processes.ts'
import { ask, connect, startRuntime } from './support.ts'

export interface Survived {
  answers: number
  /** Calls that failed, as those do whose process was killed. */
  failures: number
  kills: number
  /** Answers that had something of another session in them. */
  strangers: string[]
  /** Processes and folders that were there after the end. */
  left: string[]
}

/** Drives twenty sessions at once with the official client while processes are killed at random. */
export async function randomKills(ms: number, seed = 1): Promise<Survived> {
  const test = await startRuntime()
  const { sessions } = test.runtime
  const { folder } = sessions
  const random = randomOf(seed)
  const survived: Survived = { answers: 0, failures: 0, kills: 0, strangers: [], left: [] }
  const until = performance.now() + ms
  const pids = new Set<number>()
  /** Its first process may be killed too. */
  const connected = async (): Promise<Client> =>
    connect(test.url, test.signed).catch(() => {
      survived.failures++
      return connected()
    })
  const drive = async (name: string) => {
    const client = await connected()
    for (let call = 0; performance.now() < until; call++) {
      try {
        const kept = await ask<string[]>(client, 'keep', { text: `${name}/${call}` })
        survived.answers++
        if (kept.at(-1) !== `${name}/${call}` || kept.some((each) => !each.startsWith(`${name}/`)))
          survived.strangers.push(`${name}/${call}: ${kept.slice(-3).join(' ')}`)
      } catch {
        survived.failures++
      }
      await sleep(random() * 60)
    }
    await client.close()
  }
  const kill = async () => {
    while (performance.now() < until) {
      await sleep(20 + random() * 80)
      const running = sessions.pids()
      for (const pid of running) pids.add(pid)
      const chosen = running[Math.floor(random() * running.length)]
      if (chosen === undefined || !isRunning(chosen)) continue
      process.kill(chosen, 'SIGKILL')
      survived.kills++
    }
  }
  await Promise.all([kill(), ...Array.from({ length: 20 }, (_, at) => drive(`client-${at}`))])
  await test.close()
  survived.left = [...[...pids].filter(isRunning).map(String), ...(existsSync(folder) ? [folder] : [])]
  return survived
}

/** The same numbers for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 4_294_967_296
    return state / 4_294_967_296
  }
}
