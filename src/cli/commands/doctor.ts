import { closeSync, openSync, readSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { projectDir } from '../../build/project-dir.ts'
import { clientFacts, type ClientName } from '../../doctor/clients.ts'
import { examine, type Examination } from '../../doctor/examine.ts'
import { junit } from '../../doctor/junit.ts'
import type { Access } from '../../doctor/target.ts'
import { maxTemplateBytes } from '../../doctor/template/read.ts'
import { lintTemplate, templateRules, type TemplateFinding } from '../../doctor/template.ts'
import { exitCodes, FairleadError } from '../../errors.ts'
import { readState, type LocalEndpoint, type LocalState } from '../../local/state.ts'
import { nearest } from '../../nearest.ts'
import { platformNames, type Platform } from '../../platforms.ts'
import { toolArguments } from '../arguments.ts'
import { newCommand, run, type Io, type Result } from '../output.ts'
import { personOf, personSource } from '../person.ts'
import { wrapped } from '../wrap.ts'
import { doesNotRun } from '../where.ts'

interface Options {
  platform?: string
  client?: string
  template?: string
  tool?: string
  as?: string
  junit?: string
  project?: string
}

export function doctorCommand(): Command {
  const command = newCommand('doctor', 'check an endpoint, local or deployed, or a template')
    .argument('[url]', 'any MCP endpoint (default: every platform of the local stack)')
    .argument('[arguments...]', 'of --tool: k=v or k:=json')
    .option('--platform <name>', 'check what that platform asks for too')
    .option('--client <name>', `check what that client needs too: ${Object.keys(clientFacts).join(', ')}`)
    .option('--tool <name>', 'a tool that reports progress, to see whether that streams')
    .option('--as <identity>', 'who calls, where the local stack knows the endpoint')
    .option('--template <file>', 'look for faults in a CloudFormation template instead')
    .option('--junit <file>', 'write the result for a build server')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action((url: string | undefined, words: string[]) =>
    run(command, async (io): Promise<Result> => {
      const options = command.opts<Options>()
      if (options.template !== undefined) return templateResult(options.template, options.junit)
      const platform = oneOf(options.platform, platformNames, 'platform')
      const client = oneOf(options.client, Object.keys(clientFacts) as ClientName[], 'client')
      const tool =
        options.tool === undefined ? {} : { tool: { name: options.tool, arguments: toolArguments(words, {}) } }
      const targets = await targetsOf(url, options)
      const done: Examination[] = []
      for (const each of targets) {
        if (targets.length > 1) io.note(each.url)
        const at = platform ?? each.platform
        done.push(
          await examine({
            url: each.url,
            access: each.access,
            ...(at ? { platform: at } : {}),
            ...(client ? { client } : {}),
            ...tool,
          }),
        )
      }
      return examined(done, options.junit, io)
    }),
  )
}

interface Target {
  url: string
  access: Access
  platform?: Platform
}

async function targetsOf(url: string | undefined, options: Options): Promise<Target[]> {
  if (url !== undefined && (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)))
    throw new FairleadError('USAGE', `${url} is not an http(s) URL`, { fix: 'fairlead doctor https://HOST/mcp' })
  const local = stateOf(options, url === undefined)
  const endpoints = Object.entries(local?.state.endpoints ?? {}) as [Platform, LocalEndpoint][]
  if (url === undefined) {
    // A platform that is named is the one that is meant.
    const meant = endpoints.filter(([platform]) => options.platform === undefined || platform === options.platform)
    if (meant.length === 0) throw doesNotRun(options.platform, local!.state)
    return Promise.all(meant.map(([platform, endpoint]) => localTarget(local!, platform, endpoint, options)))
  }
  const ours = endpoints.find(([, endpoint]) => endpoint.url === url)
  return [ours ? await localTarget(local!, ...ours, options) : { url, access: accessOf(url) }]
}

function stateOf(options: Options, needed: boolean): { state: LocalState; dir: string } | undefined {
  try {
    const dir = projectDir(options.project)
    return { state: readState(dir), dir }
  } catch (error) {
    if (needed || !(error instanceof FairleadError)) throw error
    return undefined
  }
}

async function localTarget(
  { state, dir }: { state: LocalState; dir: string },
  platform: Platform,
  endpoint: LocalEndpoint,
  options: Options,
): Promise<Target> {
  const { url, auth, service, region } = endpoint
  if (auth === 'iam') {
    const found = state.identities.iam.find(({ name }) => name === (options.as ?? 'agent')) ?? state.identities.iam[0]!
    return {
      url,
      platform,
      access: { kind: 'iam', credentials: found, service: service ?? 'lambda', region: region ?? state.region },
    }
  }
  if (state.identities.users.length === 0) return { url, platform, access: { kind: 'none' } }
  const asked = state.identities.users.some(({ username }) => username === options.as) ? options.as : undefined
  const source = personSource(dir, url, personOf(state, asked), state)
  return { url, platform, access: { kind: 'token', token: async () => (await source.token({})).accessToken } }
}

/** Elsewhere: a token in FAIRLEAD_TOKEN, or AWS’s own variables where the name of the host says service and region. */
function accessOf(url: string): Access {
  const {
    FAIRLEAD_TOKEN,
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
  } = process.env
  if (FAIRLEAD_TOKEN) return { kind: 'token', token: async () => FAIRLEAD_TOKEN }
  const { hostname } = new URL(url)
  const [, region, service] =
    /\.lambda-url\.([\w-]+)\.on\.aws$/.exec(hostname)?.concat('lambda') ??
    /(?:^|\.)bedrock-agentcore\.([\w-]+)\.amazonaws\.com$/.exec(hostname)?.concat('bedrock-agentcore') ??
    []
  if (!region || !service || !accessKeyId || !secretAccessKey) return { kind: 'none' }
  return {
    kind: 'iam',
    service,
    region,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
  }
}

async function examined(done: Examination[], file: string | undefined, io: Io): Promise<Result> {
  if (file !== undefined) {
    await writeFile(
      file,
      junit(
        done.map(({ url, findings, notReached }) => ({
          name: url,
          cases: [
            ...findings.map(({ id, ok, level, says }) => ({
              name: id,
              ...(ok ? {} : level === 'MUST' ? { failure: says } : { note: `warning: ${says}` }),
            })),
            ...notReached.map((name) => ({ name, failure: 'not reached: something before it failed' })),
          ],
        })),
      ),
    )
    io.note(`written: ${file}`)
  }
  const ok = done.every((each) => each.ok)
  return {
    data: done.length === 1 ? done[0] : { ok, endpoints: done },
    text: done.map(examinationText).join('\n\n'),
    exitCode: ok ? exitCodes.ok : exitCodes.check,
  }
}

function examinationText({ url, findings, notReached }: Examination): string {
  const lines = findings.flatMap(({ ok, level, id, title, says, fix, section }) => {
    const mark = ok ? '✔' : level === 'MUST' ? '✗' : '!'
    if (ok) return [`  ${mark} ${id.padEnd(24)} ${title}`]
    return [
      `  ${mark} ${id.padEnd(24)} ${level}: ${title}`,
      ...wrapped(says, '      '),
      ...wrapped(`Fix: ${fix}`, '      '),
      `      ${section}`,
    ]
  })
  const failed = findings.filter(({ ok, level }) => !ok && level === 'MUST').length
  const warned = findings.filter(({ ok, level }) => !ok && level === 'SHOULD').length
  const unreached =
    notReached.length > 0
      ? wrapped(`✗ not reached, since something before it failed: ${notReached.join(', ')}`, '  ', '    ')
      : []
  const passed = findings.length - failed - warned
  return [
    url,
    ...lines,
    ...unreached,
    '',
    `  ${passed} passed, ${failed + notReached.length} failed, ${warned} to look at`,
  ].join('\n')
}

async function templateResult(file: string, report: string | undefined): Promise<Result> {
  let template: string
  try {
    // One byte more than may be: the rules say that it is too large.
    template = readStart(file, maxTemplateBytes + 1)
  } catch (error) {
    throw new FairleadError('TEMPLATE_UNREADABLE', `${file} cannot be read`, { cause: error })
  }
  const findings = lintTemplate(template)
  if (report !== undefined)
    await writeFile(
      report,
      junit([{ name: file, cases: Object.keys(templateRules).map((name) => ({ name, ...faulty(findings, name) })) }]),
    )
  const bad = findings.some(({ level }) => level === 'MUST')
  const text = findings.flatMap(({ id, level, resource, says, fix, section }) => [
    `  ${level === 'MUST' ? '✗' : '!'} ${id.padEnd(26)} ${resource}`,
    ...wrapped(says, '      '),
    ...wrapped(`Fix: ${fix}`, '      '),
    `      ${section}`,
  ])
  const count = Object.keys(templateRules).length
  return {
    data: { template: file, ok: !bad, findings },
    text: [file, ...text, '', `  ${count} rules, ${findings.length} finding${findings.length === 1 ? '' : 's'}`].join(
      '\n',
    ),
    exitCode: bad ? exitCodes.check : exitCodes.ok,
  }
}

function readStart(file: string, bytes: number): string {
  const handle = openSync(file, 'r')
  try {
    const buffer = Buffer.alloc(bytes)
    let size = 0
    for (let read = -1; read !== 0 && size < bytes; size += read)
      read = readSync(handle, buffer, size, bytes - size, null)
    return buffer.toString('utf8', 0, size)
  } finally {
    closeSync(handle)
  }
}

function faulty(findings: readonly TemplateFinding[], name: string): { failure?: string; note?: string } {
  const found = findings.filter(({ id }) => id === name)
  if (found.length === 0) return {}
  const says = found.map(({ resource, says: said }) => `${resource}: ${said}`).join(' ')
  return found[0]!.level === 'MUST' ? { failure: says } : { note: `warning: ${says}` }
}

function oneOf<T extends string>(given: string | undefined, names: readonly T[], what: string): T | undefined {
  if (given === undefined) return undefined
  const found = names.find((each) => each === given)
  if (found) return found
  const meant = nearest(given, names)
  throw new FairleadError(
    'USAGE',
    `${given} is not a ${what} that is known${meant ? `; did you mean ${meant}?` : ''}`,
    { fix: `There are: ${names.join(', ')}` },
  )
}
