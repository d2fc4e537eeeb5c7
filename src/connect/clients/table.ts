import { join } from 'node:path'

/** Where a user's files are. */
export interface Home {
  /** The home folder. */
  home: string
  platform: NodeJS.Platform
  env: NodeJS.ProcessEnv
}

/** How a client starts a server on stdin and stdout. */
export interface StdioEntry {
  command: string
  args: string[]
}

export interface ClientFacts {
  title: string
  /** The file for the user, undefined where the client has none. */
  userFile: (home: Home) => string
  /** The file in a project, relative to it. */
  projectFile?: string
  format: 'jsonc' | 'toml'
  /** The key that holds the servers. */
  key: string
  /** What reaches a remote endpoint by HTTP; absent where the file takes stdio alone. It signs in by OAuth too. */
  remote?: (url: string) => Record<string, unknown>
  stdio: (entry: StdioEntry) => Record<string, unknown>
  /** The client's own command that adds it. */
  command?: (name: string, target: { url: string } | StdioEntry) => string[]
  /** An address that adds it with one click. */
  link?: (name: string, entry: Record<string, unknown>) => string
  /** What the client does that surprises. */
  quirks: string[]
}

const plainStdio = ({ command, args }: StdioEntry) => ({ command, args })
const appData = ({ home, platform, env }: Home, name: string) =>
  platform === 'darwin'
    ? join(home, 'Library/Application Support', name)
    : platform === 'win32'
      ? join(env.APPDATA ?? join(home, 'AppData/Roaming'), name)
      : join(env.XDG_CONFIG_HOME || join(home, '.config'), name)
const json = (value: unknown) => encodeURIComponent(JSON.stringify(value))
const words = (target: { url: string } | StdioEntry) => ('url' in target ? undefined : [target.command, ...target.args])

/**
 * The clients whose settings are written, each from its own documentation and, where marked, from what its own command
 * wrote. Read 2026-11-22.
 */
export const clients = {
  // https://modelcontextprotocol.io/docs/develop/connect-local-servers
  'claude-desktop': {
    title: 'Claude Desktop',
    userFile: (home) => join(appData(home, 'Claude'), 'claude_desktop_config.json'),
    format: 'jsonc',
    key: 'mcpServers',
    stdio: plainStdio,
    quirks: [
      'The file takes stdio servers only, so the proxy is used for every endpoint.',
      'Its connectors dial from Anthropic’s cloud and never reach this machine.',
      'Quit it and start it again to read the file.',
    ],
  },
  // https://code.claude.com/docs/en/mcp; as `claude mcp add` writes it
  'claude-code': {
    title: 'Claude Code',
    userFile: ({ home }) => join(home, '.claude.json'),
    projectFile: '.mcp.json',
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ type: 'http', url }),
    stdio: ({ command, args }) => ({ type: 'stdio', command, args }),
    command: (name, target) => [
      'claude',
      'mcp',
      'add',
      '--scope',
      'user',
      ...('url' in target ? ['--transport', 'http', name, target.url] : [name, '--', ...words(target)!]), // prettier-ignore
    ],
    quirks: [
      'It may register itself although a client id is set (anthropics/claude-code#67258).',
      'Sign in with /mcp, or: claude mcp login NAME',
    ],
  },
  // https://cursor.com/docs/context/mcp
  cursor: {
    title: 'Cursor',
    userFile: ({ home }) => join(home, '.cursor/mcp.json'),
    projectFile: '.cursor/mcp.json',
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ url }),
    stdio: plainStdio,
    link: (name, entry) => `cursor://anysphere.cursor-deeplink/mcp/install?name=${encodeURIComponent(name)}&config=${encodeURIComponent(Buffer.from(JSON.stringify(entry)).toString('base64'))}`, // prettier-ignore
    quirks: [],
  },
  // https://code.visualstudio.com/docs/copilot/chat/mcp-servers
  vscode: {
    title: 'VS Code',
    userFile: (home) => join(appData(home, 'Code'), 'User/mcp.json'),
    projectFile: '.vscode/mcp.json',
    format: 'jsonc',
    key: 'servers',
    remote: (url) => ({ type: 'http', url }),
    stdio: ({ command, args }) => ({ type: 'stdio', command, args }),
    command: (name, target) => ['code', '--add-mcp', JSON.stringify('url' in target ? { name, type: 'http', url: target.url } : { name, type: 'stdio', ...target })], // prettier-ignore
    link: (name, entry) => `https://vscode.dev/redirect/mcp/install?name=${encodeURIComponent(name)}&config=${json(entry)}`, // prettier-ignore
    quirks: ['The key is `servers`, not `mcpServers`, and each entry has a `type`.'],
  },
  // https://kiro.dev/docs/mcp/configuration
  kiro: {
    title: 'Kiro',
    userFile: ({ home }) => join(home, '.kiro/settings/mcp.json'),
    projectFile: '.kiro/settings/mcp.json',
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ url }),
    stdio: plainStdio,
    link: (name, entry) => `https://kiro.dev/launch/mcp/add?name=${encodeURIComponent(name)}&config=${json(entry)}`,
    quirks: [
      'It signs no requests itself (kirodotdev/Kiro#5289).',
      'It needs scopes_supported in the metadata (Kiro#3911), and drops scopes (#8760, #9123).',
    ],
  },
  // https://docs.windsurf.com/windsurf/cascade/mcp
  windsurf: {
    title: 'Windsurf',
    userFile: ({ home }) => join(home, '.codeium/windsurf/mcp_config.json'),
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ serverUrl: url }),
    stdio: plainStdio,
    quirks: ['The key of the address is `serverUrl`, not `url`.'],
  },
  // https://developers.openai.com/codex/mcp; as `codex mcp add` writes it
  codex: {
    title: 'Codex',
    userFile: ({ home, env }) => join(env.CODEX_HOME || join(home, '.codex'), 'config.toml'),
    projectFile: '.codex/config.toml',
    format: 'toml',
    key: 'mcp_servers',
    remote: (url) => ({ url }),
    stdio: plainStdio,
    command: (name, target) => ['codex', 'mcp', 'add', name, ...('url' in target ? ['--url', target.url] : ['--', ...words(target)!])], // prettier-ignore
    quirks: ['A project’s file is read only when the project is trusted.', 'Sign in with: codex mcp login NAME'],
  },
  // https://google-gemini.github.io/gemini-cli/docs/tools/mcp-server; as `gemini mcp add` writes it
  'gemini-cli': {
    title: 'Gemini CLI',
    userFile: ({ home }) => join(home, '.gemini/settings.json'),
    projectFile: '.gemini/settings.json',
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ url, type: 'http' }),
    stdio: plainStdio,
    command: (name, target) => ['gemini', 'mcp', 'add', '-s', 'user', ...('url' in target ? ['-t', 'http', name, target.url] : [name, ...words(target)!])], // prettier-ignore
    quirks: ['Older versions call the address `httpUrl`.', 'Sign in with /mcp auth NAME'],
  },
  // https://docs.github.com/en/copilot/how-tos/use-copilot-agents/use-copilot-cli; as `copilot mcp add` writes it
  'copilot-cli': {
    title: 'GitHub Copilot CLI',
    userFile: ({ home, env }) => join(env.COPILOT_HOME || join(home, '.copilot'), 'mcp-config.json'),
    projectFile: '.github/mcp.json',
    format: 'jsonc',
    key: 'mcpServers',
    remote: (url) => ({ type: 'http', url, tools: ['*'] }),
    stdio: ({ command, args }) => ({ type: 'local', command, args, tools: ['*'] }),
    command: (name, target) => ['copilot', 'mcp', 'add', ...('url' in target ? ['--transport', 'http', name, target.url] : [name, '--', ...words(target)!])], // prettier-ignore
    quirks: ['An entry without `tools` offers none.'],
  },
  // https://zed.dev/docs/ai/mcp
  zed: {
    title: 'Zed',
    userFile: (home) => (home.platform === 'win32' ? join(appData(home, 'Zed'), 'settings.json') : join(home.env.XDG_CONFIG_HOME || join(home.home, '.config'), 'zed/settings.json')), // prettier-ignore
    projectFile: '.zed/settings.json',
    format: 'jsonc',
    key: 'context_servers',
    remote: (url) => ({ url }),
    stdio: plainStdio,
    quirks: ['The key is `context_servers`, in its general settings.'],
  },
} as const satisfies Record<string, ClientFacts>

export type ClientName = keyof typeof clients
export const clientNames = Object.keys(clients) as ClientName[]

export function clientFacts(name: ClientName): ClientFacts {
  return clients[name]
}
