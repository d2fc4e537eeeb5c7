import { spawn, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { temporaryFolder } from '../support/temporary.ts'
import { fairlead } from './support.ts'

let folder: Awaited<ReturnType<typeof temporaryFolder>>
const children: ChildProcess[] = []
beforeAll(async () => {
  folder = await temporaryFolder()
})
afterEach(() => {
  for (const child of children.splice(0)) child.kill()
})
afterAll(async () => folder?.remove())

const doctor = (...args: string[]) => fairlead(['doctor', ...args], { cwd: folder.path })
const file = async (name: string, text: string) => {
  await writeFile(join(folder.path, name), text)
  return name
}
const broken = async (name: string): Promise<string> => {
  const cwd = fileURLToPath(new URL('../../examples/broken/', import.meta.url))
  const child = spawn(process.execPath, [`${name}.ts`], { cwd, stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  return new Promise((resolve) =>
    child.stdout.once('data', (chunk: Buffer) => resolve((JSON.parse(chunk.toString()) as { url: string }).url)),
  )
}

const yaml = `Resources:
  Url:
    Type: AWS::Lambda::Url
    Properties: { TargetFunctionArn: !GetAtt Fn.Arn, AuthType: AWS_IAM, InvokeMode: RESPONSE_STREAM, Cors: { AllowMethods: [OPTIONS] } }
`

describe('fairlead doctor --template', () => {
  it('reads YAML, says the fault and its fix, and writes a report', async () => {
    const { code, stdout } = await doctor('--template', await file('template.yaml', yaml), '--junit', 'report.xml')
    expect(code).toBe(6)
    expect(stdout).toMatch(/✗ cors-options +Url\n/)
    expect(stdout).toMatch(/Fix: Leave OPTIONS out/)
    expect(stdout).toMatch(/31 rules, 1 finding\n/)
    const report = readFileSync(join(folder.path, 'report.xml'), 'utf8')
    expect(report).toContain('failures="1"')
    const good = await doctor('--template', await file('good.yaml', yaml.replace(/, Cors: .*\} \}/, ' }')), '--json')
    expect(good.code).toBe(0)
    expect(JSON.parse(good.stdout)).toMatchObject({ ok: true, data: { ok: true, findings: [] } })
  })

  it.each([
    ['is larger than 1 MB', '#'.repeat(10_000_000), 'larger than 1 MB'],
    [
      'has an alias bomb',
      `a: &a [x, x]\nb: &b [${'*a,'.repeat(9000)}]\nResources: { A: *b }`,
      'aliases repeat too much',
    ],
    ['is none', 'hello', 'has no Resources'],
  ])('refuses a file that %s', async (_name, text, said) => {
    const { code, stderr } = await doctor('--template', await file('hostile.yaml', text))
    expect(code).toBe(2)
    expect(stderr).toMatch(/^TEMPLATE_UNREADABLE /)
    expect(stderr).toContain(said)
  })
})

describe('fairlead doctor --tool', () => {
  it('says that a stream is held back, and warns only', async () => {
    const { code, stdout } = await doctor(await broken('buffered'), '--tool', 'count')
    expect(stdout).toMatch(/! stream-as-it-happens +SHOULD: events arrive one by one/)
    expect(stdout).toMatch(/4 events; the first after \d+ ms, the end after \d+\s+ms/)
    expect(code).toBe(0)
  })
})
