import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { delimiter, dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { readProject } from '../../src/build/project.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import { bin, sample } from '../cli/support.ts'
import { temporaryFolder } from '../support/temporary.ts'

interface SamProof {
  ok: boolean
  skipped?: boolean
  said: string
}

const fixtures = join(import.meta.dirname, '../fixtures/sam')

/** SAM's own translator, on a template whose code is in S3 already, as it is when `sam deploy` has uploaded it. */
const translate = `import json, sys
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samcli.yamlhelper import yaml_parse
managed = {'AWSXRayDaemonWriteAccess': 'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess'}
made = Translator(managed, Parser()).translate(yaml_parse(open(sys.argv[1]).read()), {})
json.dump(made['Resources'], sys.stdout)
`

/** Has the SAM CLI take what `synth --format sam` writes, and compares what we make of a template with what its translator makes. */
export async function sam(): Promise<SamProof> {
  const command = samAt()
  if (command === undefined)
    return { ok: false, skipped: true, said: 'skipped: there is no SAM CLI; pip install aws-sam-cli, or a path in SAM' }
  const folder = await temporaryFolder()
  const dir = join(folder.path, 'sam')
  const env = { ...process.env, AWS_DEFAULT_REGION: 'us-east-1', SAM_CLI_TELEMETRY: '0' }
  try {
    execFileSync(process.execPath, [bin, 'synth', '--format', 'sam', '--out', dir, '--project', sample], { env })
    for (const words of [['validate', '--lint'], ['build']]) {
      const { status, stderr } = spawnSync(command, words, { cwd: dir, env, encoding: 'utf8' })
      if (status !== 0) return { ok: false, said: `sam ${words.join(' ')}: ${stderr}` }
    }
    const { deployed } = await fromTemplate(await readProject(sample), join(dir, '.aws-sam/build/template.yaml'))
    if (deployed.lambda?.artifactDir !== join(dir, 'server'))
      return { ok: false, said: 'sam build put the code elsewhere' }
    const different = differences(command, env)
    if (different.length > 0) return { ok: false, said: `its translator makes other ${different.join(', ')}` }
    return { ok: true, said: 'validated, built and read; its translator makes what we have on record' }
  } finally {
    await folder.remove()
  }
}

function samAt(): string | undefined {
  const places = (process.env.PATH ?? '').split(delimiter).map((dir) => join(dir, 'sam'))
  return [process.env.SAM ?? '', ...places].find((file) => file !== '' && existsSync(file))
}

/** The resources on record that the translator makes otherwise. Tags are SAM's own. */
function differences(command: string, env: NodeJS.ProcessEnv): string[] {
  const python = join(dirname(command), 'python')
  const said = execFileSync(python, ['-c', translate, join(fixtures, 'template.yaml')], { env, encoding: 'utf8' })
  const made = JSON.parse(said) as Record<string, { Properties?: { Tags?: unknown } }>
  const { resources } = JSON.parse(readFileSync(join(fixtures, 'translated.json'), 'utf8')) as { resources: typeof made } // prettier-ignore
  for (const { Properties } of Object.values(made)) delete Properties?.Tags
  return Object.keys(resources).filter((id) => !isDeepStrictEqual(made[id], resources[id]))
}
