import { Command } from 'commander'
import { FairleadError } from '../errors.ts'
import { nearest } from '../nearest.ts'
import { newCommand, report } from './output.ts'
import { version } from './version.ts'

/** Every command, in the order in which they matter. A command's code is loaded only when it is called. */
const commands: Record<string, { summary: string; load: () => Promise<Command> }> = {
  dev: {
    summary: 'run the server on its platforms, here',
    load: async () => (await import('./commands/dev.ts')).devCommand(),
  },
  stdio: {
    summary: 'run the server on stdin and stdout',
    load: async () => (await import('./commands/stdio.ts')).stdioCommand(),
  },
  call: { summary: 'call a tool', load: async () => (await import('./commands/call.ts')).callCommand() },
  tools: { summary: 'list the tools', load: async () => (await import('./commands/tools.ts')).toolsCommand() },
  explain: {
    summary: 'why a request was refused, or how it was let in',
    load: async () => (await import('./commands/explain.ts')).explainCommand(),
  },
  doctor: {
    summary: 'check an endpoint, local or deployed, or a template',
    load: async () => (await import('./commands/doctor.ts')).doctorCommand(),
  },
  connect: {
    summary: 'write the entry of an endpoint into an MCP client',
    load: async () => (await import('./commands/connect.ts')).connectCommand(),
  },
  proxy: {
    summary: 'join a stdio client to any endpoint, signed or signed in',
    load: async () => (await import('./commands/proxy.ts')).proxyCommand(),
  },
  token: {
    summary: 'sign in as a user and print the token, or read one',
    load: async () => (await import('./commands/token.ts')).tokenCommand(),
  },
  build: {
    summary: 'make the artifact that AWS runs',
    load: async () => (await import('./commands/build.ts')).buildCommand(),
  },
  preflight: {
    summary: 'what the managed AgentCore Gateway would refuse',
    load: async () => (await import('./commands/preflight.ts')).preflightCommand(),
  },
  synth: {
    summary: 'write the CloudFormation templates, without an account',
    load: async () => (await import('./commands/synth.ts')).synthCommand(),
  },
  plan: {
    summary: 'what a deployment would change, and what it costs idle',
    load: async () => (await import('./commands/plan.ts')).planCommand(),
  },
  deploy: {
    summary: 'put the artifacts on AWS, and check the endpoints',
    load: async () => (await import('./commands/deploy.ts')).deployCommand(),
  },
  destroy: {
    summary: 'take the stacks off AWS; what holds data stays',
    load: async () => (await import('./commands/destroy.ts')).destroyCommand(),
  },
  status: {
    summary: 'the deployed stacks, and whether they are what is here',
    load: async () => (await import('./commands/status.ts')).statusCommand(),
  },
  outputs: {
    summary: 'what the stacks give out: URLs, ARNs, log groups',
    load: async () => (await import('./commands/outputs.ts')).outputsCommand(),
  },
  logs: {
    summary: 'the log lines of a deployed server',
    load: async () => (await import('./commands/logs.ts')).logsCommand(),
  },
  grant: {
    summary: 'let an IAM principal call the deployed endpoints',
    load: async () => (await import('./commands/grant.ts')).grantCommand(),
  },
  revoke: {
    summary: 'take back what grant gave',
    load: async () => (await import('./commands/revoke.ts')).revokeCommand(),
  },
  grants: {
    summary: 'who may call the deployed endpoints',
    load: async () => (await import('./commands/grants.ts')).grantsCommand(),
  },
  choose: {
    summary: 'which platform, why, and what would change the answer',
    load: async () => (await import('./commands/choose.ts')).chooseCommand(),
  },
  cost: {
    summary: 'what a workload costs in a month, line by line',
    load: async () => (await import('./commands/cost.ts')).costCommand(),
  },
  prices: {
    summary: 'the prices that choose and cost count with',
    load: async () => (await import('./commands/prices.ts')).pricesCommand(),
  },
}

const args = process.argv.slice(2)
const wantsJson = args.includes('--json')
const named = args.find((each) => !each.startsWith('-'))
try {
  await (await program()).parseAsync(args, { from: 'user' })
} catch (error) {
  const isProxy = named === 'proxy'
  const said = report(error, { json: wantsJson && !isProxy, verbose: args.includes('--verbose') })
  if (said && isProxy) await (await import('./commands/proxy.ts')).refuseClient(said)
}

async function program(): Promise<Command> {
  const all = new Command('fairlead')
    .description('Run one MCP server on AWS in the four ways AWS offers, locally first.')
    .version(version())
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
  if (named !== undefined && named !== 'help' && !(named in commands)) throw unknown(named)
  for (const [name, { summary, load }] of Object.entries(commands))
    all.addCommand(name === named ? await load() : newCommand(name, summary))
  if (args.length === 0) all.action(() => all.outputHelp())
  return all
}

function unknown(name: string): FairleadError {
  const meant = nearest(name, Object.keys(commands))
  return new FairleadError('USAGE', `There is no command ${name}${meant ? `; did you mean ${meant}?` : ''}`, {
    fix: meant ? `fairlead ${meant} --help` : 'fairlead --help',
  })
}
