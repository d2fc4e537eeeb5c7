import { execFile } from 'node:child_process'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { listen } from '../../src/http/node-server.ts'
import { cfnLint } from '../deploy/support/cfn-lint.ts'
import { closeCases, synthesizeCases } from '../deploy/support/cases.ts'
import { sample } from '../cli/support.ts'
import { temporaryFolder } from '../support/temporary.ts'

const run = promisify(execFile)
const bin = fileURLToPath(new URL('../../bin/fairlead.js', import.meta.url))

export interface Said {
  what: string
  ok: boolean
  skipped?: boolean
  said: string
}

/** Holds what `synth` and `grant --print` write against AWS's own tools: cfn-lint, the AWS CLI and Terraform; `sam` is a part of its own. */
export async function awsTools(): Promise<Said[]> {
  const folder = await temporaryFolder()
  try {
    return [await linted(folder.path), await granted(), await formatted(folder.path)]
  } finally {
    closeCases()
    await folder.remove()
  }
}

/** Every template of every platform with each way to sign in, in us-east-1 and elsewhere. */
async function linted(dir: string): Promise<Said> {
  const what = 'cfn-lint over the templates of all platforms'
  if (!cfnLint.there) return { what, ok: true, skipped: true, said: cfnLint.note.replace(/[()]/g, '').trim() }
  const files: string[] = []
  for (const [name, templates] of await synthesizeCases())
    for (const [part, template] of Object.entries(templates)) {
      const file = join(dir, `${name} ${part}.json`.replaceAll(/[^\w.-]+/g, '-'))
      await writeFile(file, JSON.stringify(template))
      files.push(file)
    }
  // CDK says of a role what a reference to it says already.
  return outcome(what, `${files.length} templates`, cfnLint.command, ['--ignore-checks', 'W3005', '--', ...files])
}

/** The commands are run against a listener, which keeps what the AWS CLI made of them. */
async function granted(): Promise<Said> {
  const command = process.env.AWS_CLI ?? 'aws'
  const what = 'aws lambda add-permission, as grant --print has it'
  if (!(await isThere(command))) return { what, ok: true, skipped: true, said: 'skipped: the AWS CLI is not on this machine (pip install awscli, or AWS_CLI)' } // prettier-ignore
  const bodies: unknown[] = []
  const server = await listen(async (request) => {
    bodies.push(await request.json())
    return Response.json({ Statement: '{}' })
  })
  const principal = 'arn:aws:iam::111122223333:role/agent'
  const home = await temporaryFolder()
  try {
    await mkdir(join(home.path, '.aws'))
    const { stdout } = await run(process.execPath, [bin, 'grant', principal, '--print', '--function', 'hello', '--region', 'us-east-1', '--project', sample]) // prettier-ignore
    const env = { ...process.env, HOME: home.path, AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b', AWS_ENDPOINT_URL: server.url } // prettier-ignore
    for (const line of stdout.trim().split('\n')) await run(command, line.split(' ').slice(1), { env })
    const [url, through] = bodies as Record<string, unknown>[]
    const ok =
      bodies.length === 2 &&
      url?.Action === 'lambda:InvokeFunctionUrl' &&
      url.FunctionUrlAuthType === 'AWS_IAM' &&
      through?.Action === 'lambda:InvokeFunction' &&
      through.InvokedViaFunctionUrl === true &&
      bodies.every((each) => (each as { Principal: unknown }).Principal === principal)
    return { what, ok, said: ok ? 'both statements arrive' : JSON.stringify(bodies) }
  } catch (error) {
    return { what, ok: false, said: String((error as { stderr?: string }).stderr ?? error) }
  } finally {
    await server.close()
    await home.remove()
  }
}

/** Terraform's own parser; what its providers say of it takes the network. */
async function formatted(dir: string): Promise<Said> {
  const command = process.env.TERRAFORM ?? 'terraform'
  const what = 'terraform fmt -check of docs/sam-terraform.md'
  // Its configuration of this machine has no part in it.
  const env = { ...process.env, TF_CLI_CONFIG_FILE: '/dev/null', CHECKPOINT_DISABLE: '1' }
  if (!(await isThere(command, env))) return { what, ok: true, skipped: true, said: 'skipped: terraform is not on this machine (or TERRAFORM)' } // prettier-ignore
  const page = await readFile(new URL('../../docs/sam-terraform.md', import.meta.url), 'utf8')
  const file = join(dir, 'main.tf')
  await writeFile(file, /```hcl\n([^]*?)```/.exec(page)![1]!)
  return outcome(what, 'as it should be', command, ['fmt', '-check', '-diff', file], env)
}

async function outcome(what: string, good: string, command: string, args: string[], env = process.env): Promise<Said> {
  try {
    await run(command, args, { env, maxBuffer: 2 ** 24 })
    return { what, ok: true, said: good }
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    return { what, ok: false, said: `${stdout}${stderr}`.trim() || String(error) }
  }
}

async function isThere(command: string, env = process.env): Promise<boolean> {
  return run(command, ['--version'], { env }).then(
    () => true,
    () => false,
  )
}
