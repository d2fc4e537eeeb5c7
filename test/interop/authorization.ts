import { spawn } from 'node:child_process'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/http/local-port.ts'
import { authorizeByScript } from '../../src/auth/oauth-client/authorize.ts'
import { discover } from '../../src/auth/oauth-client/discover.ts'
import { register } from '../../src/auth/oauth-client/register.ts'
import type { Stack } from '../../src/local/stack.ts'
import { readOutcomes, suite, type Outcome } from './conformance.ts'

/** Runs the suite's scenarios for authorization servers; where it waits for a person with a browser, a script signs in. */
export async function authorizationScenarios(stack: Stack): Promise<Outcome[]> {
  const { url } = stack.endpoints.fargate!
  const port = await freePort()
  const callback = `http://127.0.0.1:${port}/callback`
  const { client_id } = await register(await discover(url), callback)
  const dir = await mkdtemp(join(tmpdir(), 'fairlead-authorization-'))
  const args = [
    '--url',
    stack.authorizationServer!,
    '--client-id',
    client_id,
    '--resource',
    url,
    '-p',
    String(port),
    '-o',
    dir,
  ]
  const child = spawn(process.execPath, [suite, 'authorization', ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  let signedIn = false
  const onText = (chunk: Buffer) => {
    said += chunk.toString()
    const found = new RegExp(`${stack.authorizationServer!}/authorize\\?\\S+`).exec(said)?.[0]
    if (!found || signedIn) return
    signedIn = true
    void authorizeByScript(new URL(found), callback, stack.users[0]!).then((came) =>
      fetch(`${callback}?${came.toString()}`),
    )
  }
  child.stdout.on('data', onText)
  child.stderr.on('data', onText)
  await new Promise((resolve) => child.on('close', resolve))
  return readOutcomes(dir)
}
