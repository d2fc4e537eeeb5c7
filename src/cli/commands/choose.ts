import type { Command } from 'commander'
import { amount, spoken } from '../../choose/amounts.ts'
import { choose, type Choice, type Ranked } from '../../choose/choose.ts'
import { checkQuestion, existingKinds, type Existing, type Question } from '../../choose/question.ts'
import { workload, type Workload } from '../../choose/workload.ts'
import { FairleadError } from '../../errors.ts'
import { newCommand, run } from '../output.ts'
import { wrapped } from '../wrap.ts'
import { askFor, type Needed } from '../questions.ts'
import {
  dollars,
  givenWorkload,
  oneOfWords,
  openBook,
  priceNotes,
  withWorkload,
  type WorkloadOptions,
} from '../workload-options.ts'
import { costOf } from '../../choose/cost.ts'

const needed: Needed[] = [
  {
    name: 'calls',
    question: 'Tool calls a month (100k, 2/second)?',
    why: 'The crossover between lambda and fargate is a number of calls.',
  },
  {
    name: 'callers',
    question: 'Who calls (aws, public, both)?',
    why: 'Callers in AWS can sign with IAM; others need OAuth.',
  },
  {
    name: 'state',
    question: 'What outlives a call (none, session, managed)?',
    why: 'A session in memory needs an instance of its own.',
  },
]

export function chooseCommand(): Command {
  const command = withWorkload(newCommand('choose', 'which platform, why, and what would change the answer'), false)
    .option('--callers <who>', 'aws, public, both or unknown')
    .option('--state <what>', 'outlives a call: none, session, managed or unknown')
    .option('--bursty', 'calls come in bursts, with quiet between them')
    .option('--existing <kinds>', `to become tools: ${existingKinds.join(',')}, or none (none)`)
    .option('--multi-tenant', 'several tenants share the server')
  return command.action(() =>
    run(command, async (io) => {
      const options = await askFor(needed, command.opts<WorkloadOptions>(), io.json)
      const question = questionOf(options)
      const { book, file } = openBook(question.workload.region)
      const choice = choose(question, book)
      const used = [choice, ...choice.ranking].flatMap(({ platform }) =>
        costOf(platform, question.workload, book).items.map(({ price }) => price),
      )
      const notes = priceNotes(used, file)
      for (const note of notes) io.note(note)
      return { data: { ...asData(choice), workload: question.workload, notes }, text: textOf(choice) }
    }),
  )
}

function questionOf(options: WorkloadOptions): Question {
  const text = (name: string) => String(options[name])
  const callers = oneOfWords('aws', 'public', 'both', 'unknown')(text('callers'), '--callers') as Question['callers']
  const state = oneOfWords('none', 'session', 'managed', 'unknown')(text('state'), '--state') as Question['state']
  const callsKnown = options['calls'] !== 'unknown'
  const calls = callsKnown ? amount(text('calls'), '--calls') : 0
  const given: Partial<Workload> = givenWorkload(options)
  if (callers !== 'unknown') given.callers = callers
  if (options['multiTenant'] === true) given.lambdaAuth = 'oauth'
  return checkQuestion({
    workload: workload({ ...given, calls }),
    callsKnown,
    callers,
    state,
    bursty: options['bursty'] === true,
    multiTenant: options['multiTenant'] === true,
    existing: existingOf(options['existing']),
  })
}

function existingOf(value: string | boolean | undefined): Existing[] {
  if (typeof value !== 'string' || value === 'none') return []
  const read = oneOfWords(...existingKinds)
  const kinds = value.split(',').map((kind) => read(kind.trim(), '--existing') as Existing)
  if (kinds.length === 0) throw new FairleadError('USAGE', '--existing names nothing')
  return kinds
}

function asData(choice: Choice): Record<string, unknown> {
  const plain = ({ usd, ...rest }: Ranked) => ({ ...rest, usd: usd ?? null })
  const { platform, rule, auth, reason, usd, missing, ruledOut, ranking, crossover, ...rest } = choice
  return {
    ...plain({ platform, rule, auth, reason, usd, missing, ruledOut }),
    ranking: ranking.map(plain),
    crossover: crossover ?? null,
    ...rest,
  }
}

function textOf(choice: Choice): string {
  const ranked = [choice, ...choice.ranking]
  return [
    `${choice.platform} with ${choice.auth}   (${choice.rule})`,
    ...wrapped(`${choice.reason}.`, '  '),
    '',
    ...ranked.flatMap((each, at) => [
      `  ${at + 1}  ${each.platform.padEnd(20)}${each.auth.padEnd(7)}${each.rule.padEnd(4)}${price(each).padStart(16)}`.trimEnd(),
      ...(at === 0 ? [] : wrapped(each.reason, '     ')),
    ]),
    ...(choice.crossover === undefined
      ? []
      : ['', `  Fargate costs less than Lambda from ${spoken(choice.crossover)} calls a month.`]),
    ...section(
      'What would change the answer',
      choice.wouldChange.map(({ when, platform, rule }) => `${when}: ${platform} (${rule})`),
    ),
    ...section(
      'Hard limits (R0)',
      choice.hardLimits.map(({ platform, limit }) => `${platform}: ${limit}`),
    ),
    ...section('Mind', choice.cautions),
    '',
    'Go on with, in fairlead.config.ts',
    `  ${choice.next.config}`,
    'and then',
    `  ${choice.next.command}`,
    `  ${choice.next.deploy}`,
  ].join('\n')
}

function price({ ruledOut, usd, missing }: Ranked): string {
  if (ruledOut) return 'ruled out'
  if (missing.length > 0) return 'price missing'
  return usd === undefined ? '' : `${dollars(usd)}/month`
}

function section(heading: string, lines: string[]): string[] {
  if (lines.length === 0) return []
  return ['', heading, ...lines.flatMap((line) => wrapped(line, '  ', '    '))]
}
