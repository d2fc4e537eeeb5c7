import { fileURLToPath } from 'node:url'
import type { Command } from 'commander'
import { awsEndpoint } from '../../aws/endpoint.ts'
import { isInstalled, settingsFile, thisHome } from '../../connect/clients/detect.ts'
import { entryFor, fairleadCommand, type ClientEntry, type Endpoint } from '../../connect/clients/entry.ts'
import { difference, planEdit, writeEdit } from '../../connect/clients/settings-file.ts'
import { clientFacts, clientNames, type ClientName } from '../../connect/clients/table.ts'
import { FairleadError } from '../../errors.ts'
import { withoutQuery } from '../../http/quoted.ts'
import { nearest } from '../../nearest.ts'
import { newCommand, run, type Result } from '../output.ts'
import { authKindOf, defaultPlatform, isUrl, localEndpointFor, type LocalTarget } from '../where.ts'

interface Options {
  on?: string
  name?: string
  auth?: string
  service?: string
  region?: string
  profile?: string
  readOnly?: boolean
  scope?: string
  write?: boolean
  remove?: boolean
  project?: string
}

export function connectCommand(): Command {
  const command = newCommand('connect', 'print an endpoint’s entry for an MCP client, or write it into its settings')
    .argument('[client]', `one of: ${clientNames.join(', ')}`)
    .option('--on <platform|url>', 'a platform of the local stack, or any URL (default: lambda, or what runs)')
    .option('--name <name>', 'what the client calls it')
    .option('--auth <kind>', 'for a URL: sigv4, oauth or none (default: found out)')
    .option('--service <name>', 'sign for this service (default: what the host says)')
    .option('--region <name>', 'sign for this region (default: what the host says)')
    .option('--profile <name>', 'sign with this AWS profile')
    .option('--read-only', 'through the proxy, and only tools that are annotated read-only')
    .option('--scope <scope>', 'user or project: whose settings (default: user)')
    .option('--write', 'write it, keeping comments, and keep a copy of what was')
    .option('--remove', 'take it out again')
    .option('--project <folder>', 'the folder with fairlead.config.ts')
  return command.action((client?: string) => run(command, () => connect(client, command.opts<Options>())))
}

async function connect(given: string | undefined, options: Options): Promise<Result> {
  const scope = scopeOf(options.scope)
  const home = thisHome()
  if (options.write && options.remove) throw new FairleadError('USAGE', '--write and --remove exclude each other')
  if (given === undefined) {
    if (options.write || options.remove) throw new FairleadError('USAGE', 'Name the client whose settings are to be changed', { fix: 'fairlead connect cursor --write' }) // prettier-ignore
    const found = clientNames.map((name) => ({ client: name, title: clientFacts(name).title, installed: isInstalled(name, home), file: settingsFile(name, 'user', home, '.')! })) // prettier-ignore
    const text = found.map(({ client, title, installed, file }) => `${installed ? '✓' : ' '} ${client.padEnd(15)} ${title.padEnd(20)} ${file}`) // prettier-ignore
    return { data: { clients: found }, text: [...text, '', 'fairlead connect CLIENT prints the entry; --write writes it.'].join('\n') } // prettier-ignore
  }
  const client = clientOf(given)
  const file = settingsFile(client, scope, home, process.cwd())
  if (file === undefined) throw new FairleadError('USAGE', `${clientFacts(client).title} has no settings in a project`, { fix: 'Leave out --scope project.' }) // prettier-ignore
  const on = options.on ?? defaultPlatform(options)
  const name = nameOf(options.name, on)
  if (options.remove) return changed(client, file, name, undefined)
  const endpoint = await endpointFor(on, options)
  const bin = fileURLToPath(new URL('../../../bin/fairlead.js', import.meta.url))
  const made = entryFor(client, name, endpoint, fairleadCommand(bin))
  return options.write ? changed(client, file, name, made) : { data: { ...made, file }, text: shown(made, file) }
}

function changed(client: ClientName, file: string, name: string, made: ClientEntry | undefined): Result {
  const edit = planEdit(clientFacts(client), file, name, made?.entry)
  const same = (edit.before ?? '') === edit.after
  const backup = same ? undefined : writeEdit(edit)
  const data = { client, name, file, changed: !same, ...(backup ? { backup } : {}), ...(made ? { entry: made.entry } : {}) } // prettier-ignore
  if (same) return { data, text: `${file} stays as it is.` }
  return {
    data,
    text: [file, difference(edit), ...(backup ? [`The file as it was: ${backup}`] : []), ...(made?.quirks ?? [])].join('\n'), // prettier-ignore
  }
}

function shown({ title, via, entry, name, command, link, quirks, client }: ClientEntry, file: string): string {
  const { key, format } = clientFacts(client)
  const text =
    format === 'toml'
      ? planEdit(clientFacts(client), '/dev/null', name, entry).after.trimEnd()
      : JSON.stringify({ [key]: { [name]: entry } }, null, 2)
  return [
    `${title}, ${via === 'native' ? 'directly' : 'through fairlead proxy'}: ${file}`,
    text,
    ...(command ? [`or: ${command.map(quoted).join(' ')}`] : []),
    ...(link ? [`or: ${link}`] : []),
    ...quirks.map((quirk) => `- ${quirk}`),
  ].join('\n')
}

function quoted(word: string): string {
  return /^[\w./:@=+,-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** Where it is and how it is called: a local platform says it, a URL is asked. */
async function endpointFor(on: string, options: Options): Promise<Endpoint> {
  const local: LocalTarget | undefined = localEndpointFor(on, options)
  const readOnly = options.readOnly ? ['--read-only'] : []
  if (local) {
    const open = local.endpoint.auth === 'none' ? 'none' : 'oauth'
    const auth = readOnly.length > 0 || local.endpoint.auth === 'iam' ? 'sigv4' : open
    const address = local.platform ?? local.endpoint.url
    return { url: local.endpoint.url, auth, proxyArgs: [address, '--project', local.dir, ...readOnly] }
  }
  const kind = options.auth === undefined ? await probe(on) : authKindOf(options.auth)
  if (kind === 'sigv4' && !awsEndpoint(on) && !(options.service && options.region))
    throw new FairleadError('AWS_SCOPE_UNKNOWN', `${new URL(on).host} does not say which service and region to sign for`) // prettier-ignore
  const flags = (['auth', 'service', 'region', 'profile'] as const).flatMap((flag) => {
    const value = flag === 'auth' ? kind : options[flag]
    return value === undefined ? [] : [`--${flag}`, value]
  })
  // `sigv4` here means that the client itself cannot do it.
  return { url: on, auth: readOnly.length > 0 ? 'sigv4' : kind, proxyArgs: [on, ...flags, ...readOnly] }
}

/** Asks without credentials: 401 means OAuth, 403 of AWS a signature. */
async function probe(url: string): Promise<'sigv4' | 'oauth' | 'none'> {
  let status: number
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json, text/event-stream' },
      body: '{"jsonrpc":"2.0","id":0,"method":"ping"}',
      redirect: 'manual',
      signal: AbortSignal.timeout(10_000),
    })
    await response.body?.cancel()
    status = response.status
  } catch (error) {
    throw new FairleadError('UNREACHABLE', `Nothing answers at ${withoutQuery(url)}`, { fix: 'Say how it is called: --auth sigv4, --auth oauth or --auth none', cause: error }) // prettier-ignore
  }
  return status === 401 ? 'oauth' : status === 403 ? 'sigv4' : 'none'
}

function clientOf(given: string): ClientName {
  const found = clientNames.find((each) => each === given)
  if (found) return found
  const meant = nearest(given, clientNames)
  throw new FairleadError('CLIENT_UNKNOWN', `There is no client ${given}${meant ? `; did you mean ${meant}?` : ''}`, { fix: `Clients: ${clientNames.join(', ')}` }) // prettier-ignore
}

function scopeOf(given = 'user'): 'user' | 'project' {
  if (given === 'user' || given === 'project') return given
  throw new FairleadError('USAGE', `--scope is user or project, not ${given}`)
}

function nameOf(given: string | undefined, on: string): string {
  const name = given ?? (isUrl(on) ? new URL(on).hostname.split('.')[0]! : `fairlead-${on}`)
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name
  throw new FairleadError('USAGE', `${name} cannot be a name`, { why: 'Clients take letters, digits, _ and -, at most 64.', fix: '--name my-tools' }) // prettier-ignore
}
