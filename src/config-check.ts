import type { FairleadConfig } from './config.ts'
import { invalid } from './config-issue.ts'
import { configSchema } from './config-schema.ts'
import { merge } from './environment.ts'
import { FairleadError } from './errors.ts'
import { nearest } from './nearest.ts'

/** Checks what fairlead.config.ts exports. Throws CONFIG_INVALID, which names the wrong key and the nearest right one. */
export function checkConfig(value: unknown, file: string): FairleadConfig {
  if (typeof value !== 'object' || value === null)
    throw new FairleadError('CONFIG_INVALID', `${file} has no default export that is an object`, {
      fix: "Write: export default defineConfig({ name: '…', server: { kind: 'module', entry: './server.ts' }, platforms: { lambda: {} } })",
    })
  const result = configSchema.safeParse(value)
  if (result.success) {
    const checked = result.data as FairleadConfig
    checkScopes(checked, file)
    checkSessions(checked, file)
    checkTasks(checked, file)
    checkLambda(checked, file)
    checkGateway(checked, file)
    checkEnvironments(checked, file)
    return checked
  }
  // A misspelt key also makes the right one missing: the key is the cause.
  const { issues } = result.error
  throw invalid(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!, value, file)
}

/** What one part says of another must be there. */
function checkScopes({ scopes = {}, baseScopes = [], tools = {} }: FairleadConfig, file: string): void {
  const named: [string, string][] = [
    ...baseScopes.map((key): [string, string] => ['baseScopes', key]),
    ...Object.entries(tools).flatMap(([tool, { scopes: keys = [] }]) =>
      keys.map((key): [string, string] => [`tools.${tool}.scopes`, key]),
    ),
  ]
  const absent = named.find(([, key]) => !Object.hasOwn(scopes, key))
  if (!absent) return
  const [where, key] = absent
  const right = nearest(key, Object.keys(scopes))
  throw new FairleadError(
    'CONFIG_INVALID',
    `${file}: \`${where}\` names the scope ${key}, which is not in \`scopes\`${right ? `; did you mean \`${right}\`?` : ''}`,
    { fix: `Write it into scopes: { ${JSON.stringify(key)}: { description: '…' } }` },
  )
}

/** A server that speaks HTTP itself keeps its sessions itself, in its own process. */
function checkSessions({ server, platforms: { fargate } }: FairleadConfig, file: string): void {
  if (server?.kind !== 'http' || fargate?.sessions !== 'stateful') return
  throw new FairleadError(
    'CONFIG_INVALID',
    `${file}: \`platforms.fargate.sessions\` cannot be \`stateful\` for a server of kind \`http\``,
    {
      why: 'Such a server answers clients itself, and fairlead does not see its sessions.',
      fix: 'Leave `sessions` out, and let the server be stateless; or bring it as a module or a stdio command.',
    },
  )
}

/** Where a task cannot go on, or cannot be found again. */
const withoutTasks = {
  lambda: 'Lambda freezes the process as soon as a call is answered, so nothing can go on behind the answer.',
  'agentcore-runtime': 'Each session is a process of its own: a request of another session would not find the task.',
} as const

function checkTasks({ server, tools = {}, platforms: configured }: FairleadConfig, file: string): void {
  for (const [name, { task }] of Object.entries(tools)) {
    if (!task) continue
    const refuse = (message: string, why: string, fix: string) => {
      throw new FairleadError('CONFIG_INVALID', `${file}: \`tools.${name}.task\` ${message}`, { why, fix })
    }
    if (server?.kind === 'http')
      refuse(
        'cannot be set for a server of kind `http`',
        'Such a server answers clients itself, and fairlead does not run its tools.',
        'Leave `task` out, or bring the server as a module or a stdio command.',
      )
    if (!configured.fargate)
      refuse(
        'needs `platforms.fargate`',
        `Only fargate runs tasks. ${Object.entries(withoutTasks)
          .filter(([platform]) => platform in configured)
          .map(([, why]) => why)
          .join(' ')}`.trim(),
        'Write platforms: { fargate: {} }, or leave `task` out.',
      )
    const without = Object.entries(withoutTasks).find(([platform]) => platform in configured)
    if (task === 'required' && without)
      refuse(
        `cannot be 'required' with \`platforms.${without[0]}\``,
        without[1],
        `Write task: true. Then ${without[0]} answers when the tool has ended, and fargate offers a task.`,
      )
  }
}

/** What a function can be told only together with something else. */
function checkLambda({ server, platforms: { lambda } }: FairleadConfig, file: string): void {
  const refuse = (key: string, message: string, why: string, fix: string) => {
    throw new FairleadError('CONFIG_INVALID', `${file}: \`platforms.lambda.${key}\` ${message}`, { why, fix })
  }
  const oauth = lambda?.auth === 'oauth'
  if (lambda?.runtime && server?.kind !== 'http')
    refuse(
      'runtime',
      'needs a server of kind `http`',
      'In that runtime the command itself answers, behind the Lambda Web Adapter; fairlead, which is Node, does not run.',
      "Bring the server as { kind: 'http', command: 'python', args: […] }, or leave `runtime` out.",
    )
  if (lambda?.runtime && oauth)
    refuse(
      'runtime',
      "cannot be combined with auth: 'oauth'",
      'The guard that verifies tokens is part of the artifact, which does not run in that runtime: the server would be open.',
      "Take auth: 'iam', or fargate, where the guard stands in front of a command of any language.",
    )
  for (const key of ['domain', 'waf'] as const)
    if (lambda?.[key] && !oauth)
      refuse(
        key,
        "needs auth: 'oauth'",
        'With IAM the function URL is called by itself, and its signature covers its own name.',
        `Leave \`${key}\` out.`,
      )
}

/** What is said of the gateway's function or tasks goes with being one. */
function checkGateway({ platforms: { 'agentcore-gateway': gateway } }: FairleadConfig, file: string): void {
  const key = (['lambda', 'fargate'] as const).find((each) => gateway?.[each] && gateway.deployAs !== each)
  if (key === undefined) return
  throw new FairleadError(
    'CONFIG_INVALID',
    `${file}: \`platforms.agentcore-gateway.${key}\` needs deployAs: '${key}'`,
    {
      why: `It is deployed as ${gateway?.deployAs ?? 'managed'}, where it would do nothing.`,
      fix: `Write deployAs: '${key}', or leave \`${key}\` out.`,
    },
  )
}

/** Each environment's configuration is checked as it will be. */
function checkEnvironments({ environments = {}, ...base }: FairleadConfig, file: string): void {
  for (const [name, { config: part }] of Object.entries(environments)) {
    const own = ['name', 'environments'].find((key) => part && key in part)
    if (own)
      throw new FairleadError('CONFIG_INVALID', `${file}: \`environments.${name}.config.${own}\` cannot be set`, {
        why: 'The stacks of all environments are told apart by the one name and the key of the environment.',
        fix: `Leave \`${own}\` out.`,
      })
    if (part) checkConfig(merge(base, part), `${file} with environments.${name}.config`)
  }
}
