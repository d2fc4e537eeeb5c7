import { cp, mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startLocalFunction, type LocalFunctionOptions } from '../../../src/local/lambda/function.ts'
import type { Invocation } from '../../../src/local/lambda/invocation.ts'
import { functionCases } from '../../fixtures/lambda-functions.ts'
import { temporaryFolder } from '../../support/temporary.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
let artifacts = 0
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterAll(async () => folder.remove())

async function artifact(code: string): Promise<string> {
  const dir = join(folder.path, `artifact-${artifacts++}`)
  await mkdir(dir)
  await writeFile(join(dir, 'index.js'), code)
  await writeFile(join(dir, 'package.json'), '{"type":"module"}')
  return dir
}

const base = {
  name: 'cases',
  region: 'us-east-1',
  accountId: '000000000000',
  memoryMb: 256,
  timeoutS: 10,
} satisfies Partial<LocalFunctionOptions>

/** AWS's own runtime client, unmodified. Its native addon is replaced by a directory of that name, which Node takes as a package. */
async function awsRuntimeClient(): Promise<string[]> {
  const dir = join(folder.path, 'aws-lambda-ric')
  const from = dirname(createRequire(import.meta.url).resolve('aws-lambda-ric/package.json'))
  await mkdir(join(dir, 'rapid-client.node'), { recursive: true })
  await cp(join(from, 'index.mjs'), join(dir, 'index.mjs'))
  await cp(new URL('../../fixtures/rapid-client.cjs', import.meta.url), join(dir, 'rapid-client.node/index.js'))
  return [process.execPath, '--max-old-space-size=230', join(dir, 'index.mjs')]
}

describe.each([
  ['our runtime client', async () => undefined],
  ['AWS’s own runtime client', awsRuntimeClient],
])('under %s', (client, commandOf) => {
  let command: string[] | undefined
  beforeAll(async () => {
    command = await commandOf()
  })

  it.each(functionCases.filter(({ awsHangs }) => !awsHangs || client === 'our runtime client'))(
    '$name',
    async ({ code, payload = {}, clientContext, timeoutS, expected }) => {
      const fn = await startLocalFunction({
        ...base,
        artifactDir: await artifact(code),
        ...(timeoutS ? { timeoutS } : {}),
        ...(command ? { command } : {}),
      })
      try {
        const invocation = await fn.invoke({
          payload: Buffer.from(JSON.stringify(payload)),
          ...(clientContext ? { clientContext: JSON.stringify(clientContext) } : {}),
        })
        await check(invocation, expected, client)
      } finally {
        await fn.close()
      }
    },
  )
})

async function check(
  invocation: Invocation,
  expected: (typeof functionCases)[number]['expected'],
  client: string,
): Promise<void> {
  if ('stream' in expected) {
    if (invocation.kind !== 'stream') throw new Error(`no stream: ${invocation.payload.toString()}`)
    expect(Buffer.from(await new Response(invocation.body).arrayBuffer()).toString('latin1')).toBe(expected.stream)
    if (expected.contentType) expect(invocation.contentType).toBe(expected.contentType)
    expect((await invocation.ended).error?.errorType).toBe(expected.failed)
    return
  }
  if (invocation.kind === 'stream') throw new Error(`a stream under ${client}`)
  const answer = JSON.parse(invocation.payload.toString()) as { errorType?: string; errorMessage?: string }
  if ('json' in expected) expect(answer).toEqual(expected.json)
  else {
    expect(invocation.functionError).toBe('Unhandled')
    expect(answer.errorType).toBe(expected.error)
    if (expected.message) expect(answer.errorMessage).toMatch(expected.message)
  }
}

describe('execution environments', () => {
  const counting =
    'let calls = 0\nexport const handler = async (event) => { calls++; if (event?.wait) await new Promise((r) => setTimeout(r, event.wait)); return [process.pid, calls] }'
  const call = async (fn: Awaited<ReturnType<typeof startLocalFunction>>, payload: unknown = {}) => {
    const invocation = await fn.invoke({ payload: Buffer.from(JSON.stringify(payload)) })
    return JSON.parse((invocation as Invocation & { kind: 'buffered' }).payload.toString()) as [
      pid: number,
      calls: number,
    ]
  }

  it('are used again, one call at a time, and more are started for calls at once', async () => {
    const fn = await startLocalFunction({ ...base, artifactDir: await artifact(counting) })
    const [pid] = await call(fn)
    expect(await call(fn)).toEqual([pid, 2])
    const pids = (await Promise.all([1, 2, 3].map(() => call(fn, { wait: 100 })))).map(([each]) => each)
    expect(new Set(pids).size).toBe(3)
    expect(fn.size()).toBe(3)
    await fn.close()
    for (const each of pids) expect(() => process.kill(each, 0)).toThrow('ESRCH')
  })

  it('are no more than the function may have: the next call is throttled', async () => {
    const fn = await startLocalFunction({ ...base, concurrency: 1, artifactDir: await artifact(counting) })
    const first = call(fn, { wait: 300 })
    await expect(call(fn)).rejects.toMatchObject({ code: 'LAMBDA_THROTTLED' })
    await first
    await call(fn)
    await fn.close()
  })

  it.skipIf(process.platform !== 'linux')('are frozen between calls', async () => {
    const { readFile } = await import('node:fs/promises')
    const fn = await startLocalFunction({ ...base, artifactDir: await artifact(counting) })
    const [pid] = await call(fn)
    await expect.poll(async () => (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]![0]).toBe('T')
    expect(await call(fn)).toEqual([pid, 2])
    await fn.close()
  })

  it('end when they are idle for long', async () => {
    const fn = await startLocalFunction({ ...base, idleMs: 100, artifactDir: await artifact(counting) })
    await call(fn)
    await expect.poll(() => fn.size(), { timeout: 5000 }).toBe(0)
    expect((await call(fn))[1]).toBe(1)
    await fn.close()
  })

  it('are replaced by new code while calls in flight end on the old', async () => {
    const fn = await startLocalFunction({ ...base, artifactDir: await artifact(counting) })
    const [pid] = await call(fn)
    const inFlight = call(fn, { wait: 200 })
    await fn.replace(await artifact(counting.replace('calls]', "'new']")))
    expect((await call(fn))[1]).toBe('new')
    expect(await inFlight).toEqual([pid, 2])
    await expect(fn.replace(await artifact("throw new Error('broken')"))).rejects.toMatchObject({
      code: 'SERVER_THROWS',
    })
    expect((await call(fn))[1]).toBe('new')
    await fn.close()
  })

  it('see nothing of the user’s own AWS variables', async () => {
    process.env.AWS_PROFILE = 'mine'
    process.env.AWS_SECRET_TEST = 'mine'
    const fn = await startLocalFunction({
      ...base,
      env: { OWN: '1' },
      artifactDir: await artifact('export const handler = async () => process.env'),
    })
    const invocation = (await fn.invoke({ payload: Buffer.from('{}') })) as Invocation & { kind: 'buffered' }
    const env = JSON.parse(invocation.payload.toString()) as Record<string, string>
    expect(env).toMatchObject({ OWN: '1', AWS_REGION: 'us-east-1', AWS_LAMBDA_FUNCTION_NAME: 'cases' })
    expect(env).not.toHaveProperty('AWS_PROFILE')
    expect(env).not.toHaveProperty('AWS_SECRET_TEST')
    await fn.close()
    delete process.env.AWS_PROFILE
    delete process.env.AWS_SECRET_TEST
  })
})
