import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, writeFile } from 'node:fs/promises'
import { request, type IncomingMessage } from 'node:http'
import { delimiter, join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import { Client, StreamableHTTPClientTransport } from '@modelcontextprotocol/client'
import { accepts, freePort } from '../../src/http/local-port.ts'
import { sigv4Fetch } from '../../src/auth/sigv4/fetch.ts'
import { buildForAws } from '../../src/build/for-aws.ts'
import type { Server } from '../../src/config.ts'
import { synthesize } from '../../src/deploy/app.ts'
import { listen } from '../../src/http/node-server.ts'
import { fromTemplate } from '../../src/local/from-template.ts'
import { startStack } from '../../src/local/stack.ts'
import { createMcpEndpoint } from '../../src/mcp/endpoint.ts'
import { loadServer } from '../../src/server/load.ts'
import { temporaryFolder } from '../support/temporary.ts'

const run = promisify(execFile)

/** As the documentation of each has it: nothing in it knows of fairlead, of a proxy, or of another name than localhost. */
const servers = {
  'mcp<2': {
    make: 'from mcp.server.fastmcp import FastMCP\n\nmcp = FastMCP("python-server", stateless_http=True)',
    app: 'mcp.streamable_http_app()',
  },
  'mcp>=2,<3': {
    make: 'from mcp.server.mcpserver import MCPServer\n\nmcp = MCPServer("python-server")',
    app: 'mcp.streamable_http_app(stateless_http=True)',
  },
}

const text = ({ make, app }: { make: string; app: string }) => `import os
import uvicorn
${make}

@mcp.tool()
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b

uvicorn.run(${app}, host="127.0.0.1", port=int(os.environ["PORT"]), log_level="error")
`

/** What a function URL is called by. */
const functionUrl = 'abc123.lambda-url.us-east-1.on.aws'

export interface Proof {
  ok: boolean
  skipped?: boolean
  said: string
}

interface NamedProof extends Proof {
  what: string
}

/** Runs servers of the pip package mcp: as an HTTP command through our endpoint, and as Lambda starts what is deployed. */
export async function fastmcp(): Promise<NamedProof[]> {
  const folder = await temporaryFolder()
  const bin = join(folder.path, 'venv/bin')
  const { PATH } = process.env
  try {
    const absent = await install(folder.path, bin)
    if (absent !== undefined) return [{ what: 'Python servers', ok: false, skipped: true, said: absent }]
    process.env.PATH = `${bin}${delimiter}${PATH}`
    const proofs: NamedProof[] = []
    for (const packages of Object.keys(servers)) {
      const dir = projectOf(folder.path, packages)
      proofs.push(await asCommand(packages, dir))
      proofs.push(...(await asDeployed(packages, dir, folder.path)))
      proofs.push(await fromStack(packages, dir, folder.path))
    }
    return proofs
  } finally {
    process.env.PATH = PATH
    await folder.remove()
  }
}

const projectOf = (folder: string, packages: string) => join(folder, `project-${packages.replaceAll(/\W/g, '')}`)

/** Makes a project of each, with its packages in its folder, as AWS gets them. Says why it cannot. */
async function install(folder: string, bin: string): Promise<string | undefined> {
  try {
    await run('python3', ['-m', 'venv', join(folder, 'venv')])
    for (const [packages, server] of Object.entries(servers)) {
      const app = join(projectOf(folder, packages), 'app')
      await mkdir(app, { recursive: true })
      await writeFile(join(app, 'server.py'), text(server))
      await writeFile(join(app, 'requirements.txt'), `${packages}\n`)
      const pip = ['-m', 'pip', 'install', '--quiet', '--target', join(app, 'package'), packages]
      await run(join(bin, 'python'), pip, { timeout: 240_000 })
    }
    return undefined
  } catch (error) {
    return `skipped, Python with pip is not here (${(error as Error).message.split('\n')[0]})`
  }
}

const command: Server & { kind: 'http' } = { kind: 'http', command: 'python', args: ['server.py'], cwd: 'app' }

async function asCommand(packages: string, projectDir: string): Promise<NamedProof> {
  const source = await loadServer({ ...command, env: { PYTHONPATH: 'package' } }, { projectDir, log: () => {} })
  const endpoint = createMcpEndpoint(source)
  const http = await listen(endpoint.fetch)
  try {
    return { what: `${packages} as an HTTP command`, ...(await adds(`${http.url}/mcp`)) }
  } finally {
    await http.close()
    await endpoint.close()
  }
}

/** Synthesizes the stack and runs it here: signed calls to the function URL, behind what stands in for the adapter. */
async function fromStack(packages: string, dir: string, folder: string): Promise<NamedProof> {
  const platforms = { lambda: { runtime: 'python3.13' as const, timeoutS: 10 } }
  const callers = ['arn:aws:iam::111122223333:role/agent']
  const config = { name: 'python', server: { ...command, port: await freePort() }, callers, platforms }
  const project = { dir, configFile: '', config }
  const server = await buildForAws({ projectDir: dir, config, outDir: join(folder, 'out'), platforms: ['lambda'] })
  const out = await mkdtemp(join(folder, 'stack-'))
  const place = { environment: 'prod', account: '111122223333', region: 'us-east-1' }
  await synthesize({ project, ...place, platforms: ['lambda'], artifacts: { server } }, out)
  const { project: read, deployed } = await fromTemplate(project, out)
  const stack = await startStack(read, { port: 0, deployed })
  const credentials = stack.identities.find(({ name }) => name === 'agent')!
  const send = sigv4Fetch({ credentials, service: 'lambda', region: 'us-east-1' })
  const said = await adds(stack.endpoints.lambda!.url, send)
  await stack.close()
  return { what: `${packages} from the template of its stack`, ...said }
}

/** Starts the artifact as the Lambda Web Adapter does, and sends what it sends: the name of the function URL. */
async function asDeployed(packages: string, projectDir: string, folder: string): Promise<NamedProof[]> {
  const { dir } = await buildForAws({
    projectDir,
    config: { name: 'python', server: command, platforms: { lambda: { runtime: 'python3.13' } } },
    outDir: join(folder, 'out'),
    platforms: ['lambda'],
  })
  const [front, port] = [await freePort(), await freePort()]
  const { PATH, HOME } = process.env
  const child = spawn(join(dir, 'run.sh'), {
    env: { PATH, HOME, LAMBDA_TASK_ROOT: dir, PORT: String(port), AWS_LWA_PORT: String(front) },
    stdio: 'ignore',
  })
  const ended = once(child, 'exit') as Promise<[number | null]>
  try {
    const began = performance.now()
    while (child.exitCode === null && !(await accepts(front))) await new Promise((resolve) => setTimeout(resolve, 10))
    const ms = Math.round(performance.now() - began)
    const bare = await withHost(`http://127.0.0.1:${port}/mcp`, { method: 'POST', headers: json, body: '{}' })
    const through = await adds(`http://127.0.0.1:${front}/mcp`, withHost)
    child.kill('SIGTERM')
    const [code] = await ended
    return [
      { what: `${packages} by the name of a function URL, alone`, ok: bare.status === 421, said: `${bare.status}` },
      { what: `${packages} as Lambda starts it, after ${ms} ms`, ...through },
      { what: `${packages} told to end`, ok: code === 0 || code === 143, said: `ends with ${code}` },
    ]
  } finally {
    child.kill('SIGKILL')
  }
}

const json = { 'content-type': 'application/json', accept: 'application/json, text/event-stream' }

async function adds(url: string, send: typeof fetch = fetch): Promise<Proof> {
  const client = new Client({ name: 'interop', version: '1' })
  try {
    await client.connect(new StreamableHTTPClientTransport(new URL(url), { fetch: send }))
    const result = await client.callTool({ name: 'add', arguments: { a: 2, b: 3 } })
    const sum = (result.content as { text: string }[])[0]?.text
    return { ok: sum === '5', said: `${client.getServerVersion()?.name ?? 'it'} adds 2 and 3 to ${sum}` }
  } catch (error) {
    return { ok: false, said: (error as Error).message }
  } finally {
    await client.close()
  }
}

/** Node's own fetch sends the Host of the address, whatever it is told. */
async function withHost(url: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const headers = { ...Object.fromEntries(new Headers(init.headers)), host: functionUrl }
  const sent = request(new Request(url).url, {
    method: init.method ?? 'GET',
    headers,
    signal: init.signal ?? undefined,
  })
  sent.end(init.body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const status = answer.statusCode!
  const body = status === 202 || status === 204 ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
  if (body === null) answer.resume()
  return new Response(body, { status, headers: answer.headers as Record<string, string> })
}
