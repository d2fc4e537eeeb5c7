import { execFileSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parse } from 'jsonc-parser'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { isInstalled, settingsFile } from '../../../src/connect/clients/detect.ts'
import { entryFor, fairleadCommand } from '../../../src/connect/clients/entry.ts'
import { editJsonc } from '../../../src/connect/clients/jsonc.ts'
import { difference, planEdit, writeEdit } from '../../../src/connect/clients/settings-file.ts'
import { clientFacts, clientNames, type Home } from '../../../src/connect/clients/table.ts'
import { editToml } from '../../../src/connect/clients/toml.ts'
import { temporaryFolder } from '../../support/temporary.ts'

const url = 'https://abc.lambda-url.us-east-1.on.aws/mcp'
const npx = { command: 'npx', args: ['-y', 'fairlead'] }
let folder: Awaited<ReturnType<typeof temporaryFolder>>
let home: Home
beforeEach(async () => {
  folder = await temporaryFolder()
  home = { home: folder.path, platform: 'linux', env: {} }
})
afterEach(() => folder.remove())

describe.each(clientNames)('the settings of %s', (client) => {
  const facts = clientFacts(client)
  const before =
    facts.format === 'toml'
      ? '# mine\nmodel = "o5" # good\n\n[mcp_servers.other]\ncommand = "x"\nargs = [\n  "[not.a.table]",\n]\n\n# of the next\n[tools]\nweb = true\n'
      : `{\n\t// mine\n\t"theme": "dark",\n\t"${facts.key}": {\n\t\t"other": { "command": "x" }, // stays\n\t},\n}\n`

  it.each(['oauth', 'sigv4'] as const)('take an entry for an endpoint with %s, and give it back', (auth) => {
    const file = settingsFile(client, 'user', home, '.')!
    expect(isInstalled(client, home)).toBe(false)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, before, { mode: 0o640 })
    expect(isInstalled(client, home)).toBe(true)
    const made = entryFor(client, 'tools', { url, auth, proxyArgs: [url, '--auth', auth] }, npx)
    expect(made.via).toBe(auth === 'oauth' && client !== 'claude-desktop' ? 'native' : 'proxy')

    const edit = planEdit(facts, file, 'tools', made.entry)
    const backup = writeEdit(edit)!
    const after = readFileSync(file, 'utf8')
    expect(readBack(after, facts.format)[facts.key]).toEqual({ other: expect.anything(), tools: made.entry })
    for (const line of before.split('\n').filter((each) => /[#/]/.test(each))) expect(after).toContain(line.trim())
    expect(statSync(file).mode & 0o777).toBe(0o640)
    expect(readFileSync(backup, 'utf8')).toBe(before)
    expect(difference(edit)).toMatch(/^\+ /m)

    expect(planEdit(facts, file, 'tools', made.entry).after).toBe(after)
    writeEdit(planEdit(facts, file, 'tools', undefined))
    expect(readBack(readFileSync(file, 'utf8'), facts.format)).toEqual(readBack(before, facts.format))
  })

  it('are made when they are not there, and hold no secret', () => {
    const file = settingsFile(client, 'user', home, '.')!
    const made = entryFor(client, 'tools', { url, auth: 'sigv4', proxyArgs: [url] }, npx)
    writeEdit(planEdit(facts, file, 'tools', made.entry))
    expect(readBack(readFileSync(file, 'utf8'), facts.format)).toEqual({ [facts.key]: { tools: made.entry } })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(made.entry).toMatchObject({ command: 'npx', args: ['-y', 'fairlead', 'proxy', url] })
  })
})

/** Read by a parser that is not ours: Python's for TOML. */
function readBack(text: string, format: 'jsonc' | 'toml'): Record<string, unknown> {
  if (format === 'jsonc') return parse(text) as Record<string, unknown>
  const script = 'import sys, json, tomllib; print(json.dumps(tomllib.loads(sys.stdin.read())))'
  return JSON.parse(execFileSync('python3', ['-c', script], { input: text }).toString()) as Record<string, unknown>
}

describe('editing', () => {
  it.each(['"x": {}', '"x": {} // last', '"x": {}, // trailing'])(
    'JSON keeps tabs, CRLF and comments to the byte, and removing undoes writing, beside %s',
    (x) => {
      const text = `{\r\n\t"a": 1, // one\r\n\t"mcpServers": {\r\n\t\t${x}\r\n\t}\r\n}\r\n`
      const written = editJsonc(text, ['mcpServers', 'new'], { url: 'u' })
      expect(written).toContain('\r\n\t\t"new": {\r\n\t\t\t"url": "u"\r\n\t\t}')
      expect(editJsonc(written, ['mcpServers', 'new'], undefined)).toBe(text)
      const rest = parse(editJsonc(text, ['mcpServers', 'x'], undefined)) as object
      expect(rest).toEqual(x.includes('//') ? expect.objectContaining({ a: 1 }) : { a: 1 })
      expect(editJsonc('{\n  "a": 1\n}\n', ['mcpServers', 'new'], undefined)).toBe('{\n  "a": 1\n}\n')
      const last = '{ "mcpServers": { "a": 1, "b": 2 } }'
      expect(JSON.parse(editJsonc(last, ['mcpServers', 'b'], undefined))).toEqual({ mcpServers: { a: 1 } })
    },
  )

  it('TOML replaces one table with its own tables beneath it, and removing undoes writing to the byte', () => {
    const text = '[mcp_servers.a]\nurl = "x"\n\n# of b\n[mcp_servers.b]\nurl = "y"\n'
    const written = editToml(text, ['mcp_servers', 'c'], { command: 'npx', args: ['a "quoted" word'] })
    expect(written).toBe(`${text}\n[mcp_servers.c]\ncommand = "npx"\nargs = ["a \\"quoted\\" word"]\n`)
    expect(editToml(written, ['mcp_servers', 'c'], undefined)).toBe(text)
    const nested = '[mcp_servers."a"]\ncommand = "x"\n[mcp_servers.a.env]\nK = "v"\n\n# of b\n[b]\n'
    expect(editToml(nested, ['mcp_servers', 'a'], { url: 'z' })).toBe('[mcp_servers.a]\nurl = "z"\n\n# of b\n[b]\n')
    const text3 = 'x = """\n[mcp_servers.a]\n"""\n'
    expect(editToml(text3, ['mcp_servers', 'a'], undefined)).toBe(text3)
  })

  it.each([
    ['jsonc', 'cursor', '{ "mcpServers": '],
    ['jsonc', 'cursor', '[]'],
    ['jsonc', 'cursor', '{ "mcpServers": [] }'],
    ['toml', 'codex', 'mcp_servers.tools = { url = "x" }\n'],
    ['toml', 'codex', '[mcp_servers]\ntools = { url = "x" }\n'],
  ] as const)('%s that cannot be edited is left as it is: %s %s', (_, client, text) => {
    const file = join(folder.path, 'settings')
    writeFileSync(file, text)
    expect(() => planEdit(clientFacts(client), file, 'tools', { url })).toThrow(
      expect.objectContaining({ code: 'CLIENT_SETTINGS_UNREADABLE' }) as Error,
    )
    expect(readFileSync(file, 'utf8')).toBe(text)
  })

  it('is where the client looks for it; a variable that is empty is as none', () => {
    const at = (env: NodeJS.ProcessEnv) => (['codex', 'copilot-cli', 'zed'] as const).map((client) => settingsFile(client, 'user', { home: '/h', platform: 'linux', env }, '.')) // prettier-ignore
    const plain = ['/h/.codex/config.toml', '/h/.copilot/mcp-config.json', '/h/.config/zed/settings.json']
    expect(at({})).toEqual(plain)
    expect(at({ CODEX_HOME: '', COPILOT_HOME: '', XDG_CONFIG_HOME: '' })).toEqual(plain)
    expect(at({ CODEX_HOME: '/c', COPILOT_HOME: '/d', XDG_CONFIG_HOME: '/x' })).toEqual(['/c/config.toml', '/d/mcp-config.json', '/x/zed/settings.json']) // prettier-ignore
  })

  it('goes through a link to the file, and keeps each old one', () => {
    const real = join(folder.path, 'dotfiles.json')
    const link = join(folder.path, 'mcp.json')
    writeFileSync(real, '{}')
    symlinkSync(real, link)
    for (const [at, day] of ['2026-11-22', '2026-11-23'].entries())
      writeEdit(planEdit(clientFacts('cursor'), link, `n${at}`, { url }), new Date(day))
    expect(Object.keys((parse(readFileSync(real, 'utf8')) as { mcpServers: object }).mcpServers)).toEqual(['n1', 'n0'])
    expect(readdirSync(folder.path).filter((name) => name.endsWith('.bak'))).toHaveLength(2)
  })
})

describe('links and commands', () => {
  it('carry the entry', () => {
    const made = (client: 'cursor' | 'vscode' | 'kiro' | 'codex' | 'claude-code', auth: 'oauth' | 'sigv4' = 'oauth') =>
      entryFor(client, 'tools', { url, auth, proxyArgs: [url] }, npx)
    const config = (link: string) => new URL(link).searchParams.get('config')!
    expect(JSON.parse(Buffer.from(config(made('cursor').link!), 'base64').toString())).toEqual({ url })
    expect(JSON.parse(config(made('vscode').link!))).toEqual({ type: 'http', url })
    expect(JSON.parse(config(made('kiro').link!))).toEqual({ url })
    expect(made('codex').command).toEqual(['codex', 'mcp', 'add', 'tools', '--url', url])
    expect(made('claude-code', 'sigv4').command).toEqual(['claude', 'mcp', 'add', '--scope', 'user', 'tools', '--', 'npx', '-y', 'fairlead', 'proxy', url]) // prettier-ignore
  })

  it('start fairlead by npx where it is installed, and from its folder in a clone', () => {
    expect(fairleadCommand('/x/node_modules/fairlead/bin/fairlead.js', 'linux')).toEqual(npx)
    expect(fairleadCommand('C:\\x\\node_modules\\fairlead\\bin\\fairlead.js', 'win32').command).toBe('cmd')
    expect(fairleadCommand('/clone/bin/fairlead.js')).toEqual({ command: process.execPath, args: ['/clone/bin/fairlead.js'] }) // prettier-ignore
  })
})
