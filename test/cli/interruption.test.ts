import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

// What a deployment says elsewhere is tested where it is deployed: test/deploy/interruption.test.ts.
it('Ctrl-C while an image is pushed says that no stack was touched, and ends with 130', async () => {
  const module = fileURLToPath(new URL('../../src/cli/interruption.ts', import.meta.url))
  const script = `import { onInterruption } from '${module}'
    onInterruption({ json: true, verbose: false }, () => {}).pushing()
    setInterval(() => {}, 1000)
    process.kill(process.pid, 'SIGINT')`
  const ended = await new Promise<{ code: unknown; stdout: string }>((resolve) =>
    execFile(process.execPath, ['--input-type=module', '-e', script], (error, stdout) =>
      resolve({ code: error?.code, stdout }),
    ),
  )
  expect(ended.code).toBe(130)
  expect(JSON.parse(ended.stdout)).toMatchObject({
    error: {
      code: 'DEPLOY_INTERRUPTED',
      message: 'Interrupted while an image was pushed',
      why: expect.stringContaining('No stack was touched') as string,
    },
  })
})
