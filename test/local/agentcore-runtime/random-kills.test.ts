import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { isRunning } from '../../support/processes.ts'
import { randomKills } from './random-kills.ts'

it('twenty sessions under random kills get no answer of another, and leave nothing behind', async () => {
  const { answers, kills, strangers, left } = await randomKills(10_000)
  expect(answers).toBeGreaterThan(100)
  expect(kills).toBeGreaterThan(10)
  expect(strangers).toEqual([])
  expect(left).toEqual([])
}, 40_000)

it.skipIf(process.platform !== 'linux')('a stack that is killed outright leaves no process and no folder', async () => {
  const script = fileURLToPath(new URL('./killed-outright.ts', import.meta.url))
  const child = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said = await new Promise<string>((resolve) =>
    child.stdout.once('data', (line: Buffer) => resolve(String(line))),
  )
  const { pid, folder, own } = JSON.parse(said) as { pid: number; folder: string; own: string }
  expect([isRunning(pid), existsSync(folder)]).toEqual([true, true])
  child.kill('SIGKILL')
  await expect.poll(() => isRunning(pid) || existsSync(folder), { timeout: 5000 }).toBe(false)
  await rm(own, { recursive: true, force: true })
})
