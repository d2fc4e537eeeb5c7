import { isAbsolute, relative, sep } from 'node:path'
import type { Command } from 'commander'
import { readProject, type Project } from '../../build/project.ts'
import { startControl } from '../../console/control.ts'
import { asFairleadError, exitCodes, FairleadError } from '../../errors.ts'
import { Faults } from '../../local/faults.ts'
import { fromTemplate } from '../../local/from-template.ts'
import type { RequestRecord } from '../../local/requests.ts'
import { platformPort, startStack, type Stack } from '../../local/stack.ts'
import { refuseSecondStack, removeState, writeState, type LocalState } from '../../local/state.ts'
import type { Deployed } from '../../local/template/deployed.ts'
import { watchFolders, watchSources } from '../../local/watch.ts'
import { basePort, localAccount } from '../../platforms.ts'
import { newCommand, run, type Io, type Result } from '../output.ts'
import { isDetail } from '../server-lines.ts'
import { version } from '../version.ts'

export function devCommand(): Command {
  const command = newCommand('dev', 'run the server on its platforms, here')
    .option('--port <n>', `the base port; 0 takes free ports (default ${basePort}, or FAIRLEAD_PORT)`)
    .option('--project <folder>', 'the folder with fairlead.config.ts')
    .option('--from-template <path>', 'run what `fairlead synth` wrote: a template, or the folder with all of them')
    .option('--fault <name>', 'break one thing on purpose; again for another; `list` lists them', collect)
  return command.action(() =>
    run(command, async (io) => {
      const started = performance.now()
      const options = command.opts<{ port?: string; project?: string; fault?: string[]; fromTemplate?: string }>()
      if (options.fault?.includes('list')) return faultTable()
      const faults = new Faults(options.fault)
      const read = await readProject(options.project)
      const { project, deployed } = options.fromTemplate
        ? await fromTemplate(read, options.fromTemplate)
        : { project: read, deployed: undefined }
      await refuseSecondStack(project.dir)
      const port = portOf(options.port ?? process.env.FAIRLEAD_PORT)
      await serve(project, { port, faults, ...(deployed ? { deployed } : {}) }, io, started)
      return undefined
    }),
  )
}

function collect(name: string, names: string[] = []): string[] {
  return [...names, name]
}

function faultTable(): Result {
  const all = new Faults().list()
  return {
    data: { faults: all },
    text: all.map(({ name, platform, does }) => `${name} (${platform})\n  ${does}`).join('\n'),
  }
}

/** Runs the stack until a signal ends it. */
async function serve(
  project: Project,
  { port, faults, deployed }: { port: number; faults: Faults; deployed?: Deployed },
  io: Io,
  started: number,
): Promise<void> {
  const signalled = untilSignal()
  const stack = await startStack(project, {
    port,
    faults,
    ...(deployed ? { deployed } : {}),
    onRequest: (record) => io.note(requestLine(record)),
    log: (line) => (io.verbose || !isDetail(line)) && io.note(line),
  })
  const closers = [() => stack.close()]
  try {
    const control = await startControl(
      {
        status: () => ({ name: project.config.name, endpoints: stack.endpoints }),
        requests: () => stack.requests.list(),
        flush: () => stack.requests.settle(),
        restart: async () => void (await stack.reload(true)),
        faults,
      },
      platformPort(port, 0),
    )
    closers.push(() => control.close())
    const state = stateOf(project, stack, { url: control.url, token: control.token })
    writeState(project.dir, state)
    const reloads = reloader(stack, io, () => others.refresh())
    const stopWatching = deployed ? () => {} : watchSources(project.dir, reloads.changed)
    const others = watchFolders(() => stack.folders().filter((dir) => !isInside(dir, project.dir)), reloads.changed)
    closers.push(async () => {
      stopWatching()
      others.stop()
      await reloads.stopped()
    })
    if (io.json) io.out(JSON.stringify({ ok: true, data: state }))
    else io.out(banner(project, state, performance.now() - started, deployed))
    process.exitCode = exitOf(await signalled)
  } finally {
    for (const close of closers.toReversed()) await close()
    removeState(project.dir)
  }
}

/** Reloads one at a time: what changes during a reload makes one more after it. */
function reloader(stack: Stack, io: Io, reloaded: () => void): { changed(): void; stopped(): Promise<void> } {
  let running: Promise<void> | undefined
  let again = false
  let stopping = false
  const changed = () => {
    if (stopping) return
    if (running) again = true
    else
      running = reload(stack, io).finally(() => {
        running = undefined
        if (!stopping) reloaded()
        if (again) changed()
        again = false
      })
  }
  return {
    changed,
    stopped: async () => {
      stopping = true
      await running
    },
  }
}

function isInside(dir: string, parent: string): boolean {
  const path = relative(parent, dir)
  return !isAbsolute(path) && path.split(sep)[0] !== '..'
}

async function reload(stack: Stack, io: Io): Promise<void> {
  const before = performance.now()
  try {
    if (await stack.reload()) io.note(`reloaded in ${Math.round(performance.now() - before)} ms`)
  } catch (thrown) {
    const error = asFairleadError(thrown)
    io.note(`${error.code}  ${error.message}\n  Fix   ${error.fix}\n  The version from before goes on.`)
  }
}

function stateOf(project: Project, stack: Stack, control: LocalState['control']): LocalState {
  return {
    pid: process.pid,
    version: version(),
    ...localAccount,
    endpoints: stack.endpoints,
    identities: { iam: stack.identities, users: stack.users, ...signInClient(project) },
    ...(stack.authorizationServer ? { authorizationServer: stack.authorizationServer } : {}),
    control,
  }
}

/** Cognito registers no clients, so people sign in through one that the configuration names. */
function signInClient({ config }: Project): Pick<LocalState['identities'], 'client'> {
  if (config.oauth?.verifier !== 'cognito') return {}
  const found = config.oauth.clients?.find(
    ({ secretEnv, redirectUris }) => secretEnv === undefined && redirectUris?.[0],
  )
  return found ? { client: { clientId: found.id, redirectUri: found.redirectUris![0]! } } : {}
}

function banner(project: Project, state: LocalState, ms: number, deployed?: Deployed): string {
  const widest = Math.max(...Object.keys(state.endpoints).map((name) => name.length))
  const rows = Object.entries(state.endpoints).map(
    ([name, { url, auth }]) =>
      `  ${name.padEnd(widest + 4)}${(auth === 'iam' ? 'IAM (SigV4)' : auth === 'oauth' ? 'OAuth 2.1' : 'open').padEnd(14)}${url}`,
  )
  const users = state.identities.users.map(({ username }) => username)
  const signIn =
    users.length > 0 ? [`  Sign in as ${users.join(' or ')}; the passwords are in .fairlead/local.json.`, ''] : []
  return [
    '',
    `  fairlead ${state.version}   ${project.config.name}   ready in ${Math.round(ms)} ms   no AWS account used`,
    '',
    ...rows,
    '',
    ...signIn,
    '  Next, in a second terminal:   npx fairlead tools',
    deployed
      ? `  Ctrl-C stops it. It is what ${deployed.source} deploys; ${playing(deployed)}`
      : '  Ctrl-C stops it. The server is built again when a source changes.',
    '',
  ].join('\n')
}

/** Whom the local agent is, in the eyes of the template's policies. */
function playing({ callers: [caller] }: Deployed): string {
  return caller ? `the agent plays ${caller}.` : 'no policy in it lets anybody of IAM in.'
}

function requestLine(record: RequestRecord): string {
  const who = record.principal ? `  ${record.principal.split('/').at(-1)}` : ''
  const first = `${record.status}  ${record.platform}  ${record.method} ${record.path.replace(/^\/runtimes\/[^/]+/, '/runtimes/…')}  ${record.ms.toFixed(1)} ms${who}${record.call ? `  ${record.call}` : ''}`
  return record.code
    ? `${first}\n     ${record.code}  ${record.why ?? ''}\n     fairlead explain ${record.id.replaceAll('-', '').slice(-8)}`
    : first
}

function portOf(given: string | undefined): number {
  if (given === undefined) return basePort
  const port = Number(given)
  if (/^\d+$/.test(given) && (port === 0 || (port >= 1024 && port <= 65_529))) return port
  throw new FairleadError('USAGE', `${given} is not a port`, {
    fix: 'Take 0, or a number from 1024 to 65529: fairlead dev --port 4200',
  })
}

/** A terminal sends Ctrl-C to npm, to its shell and to us, and those send it on: so many signals are one. */
const oneCtrlC = 1000

/** The first signal that asks to stop. One that comes a second later ends the process at once. */
async function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first: number | undefined
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.on(signal, () => {
        first ??= performance.now()
        resolve(signal)
        if (performance.now() - first > oneCtrlC) process.exit(exitCodes.interrupted)
      })
  })
}

function exitOf(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.ok
}
