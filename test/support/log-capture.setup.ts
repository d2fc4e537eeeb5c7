// Runs before each test file: what the file logs, asks for and stores is captured, and no secret may stand in it.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, expect } from 'vitest'
import { leaks, logged, startCapture } from './log-capture.ts'

const dir = mkdtempSync(join(tmpdir(), 'fairlead-capture-'))
process.env.LOG_CAPTURE_DIR = dir
process.env.NODE_OPTIONS = `${process.env.NODE_OPTIONS ?? ''} --import=${fileURLToPath(new URL('log-capture.command.ts', import.meta.url))}`.trim() // prettier-ignore
startCapture()
for (const name of ['log', 'info', 'warn', 'error', 'debug'] as const) {
  const print = console[name].bind(console)
  console[name] = (...parts: unknown[]) => {
    logged(parts.map(String).join(' '))
    print(...parts)
  }
}

afterAll(() => {
  const found = leaks(dir)
  rmSync(dir, { recursive: true, force: true })
  expect(found, 'secrets that stand where none may stand').toEqual([])
})
