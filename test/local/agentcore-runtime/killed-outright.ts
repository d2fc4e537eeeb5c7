// Run by a test that kills it: a runtime with one session, which it tells about on its first line.
import { ask, connect, startRuntime } from './support.ts'

const test = await startRuntime()
const client = await connect(test.url, test.signed)
const { pid } = await ask<{ pid: number }>(client, 'where')
console.log(JSON.stringify({ pid, folder: test.runtime.sessions.folder, own: test.folder }))
