import type { Command } from 'commander'
import { amount, duration, number } from '../choose/amounts.ts'
import { ownPricesFile, readOwnPrices } from '../choose/own-prices.ts'
import { priceBook, staleWarning, type PriceBook, type PriceInRegion } from '../choose/price-book.ts'
import type { Workload } from '../choose/workload.ts'
import { FairleadError } from '../errors.ts'
import { nearest } from '../nearest.ts'

/** What commander hands over: every value as it was typed. */
export type WorkloadOptions = Record<string, string | boolean | undefined>

type Reader = (text: string, flag: string) => unknown

interface Flag {
  key: keyof Workload
  flag: string
  takes: string
  says: string
  read: Reader
}

const milliseconds: Reader = (text, flag) => Math.round(duration(text, flag) * 1e6) / 1e3
const oneOf =
  (...words: string[]): Reader =>
  (text, flag) => {
    if (words.includes(text)) return text
    const meant = nearest(text, words)
    throw new FairleadError(
      'USAGE',
      `${flag} is ${text}, which is not one of its words${meant ? `; did you mean ${meant}?` : ''}`,
      {
        fix: `${flag} takes ${words.join(', ')}`,
      },
    )
  }

const shared: Flag[] = [
  { key: 'durationMs', flag: '--duration', takes: 'time', says: 'of one call (200ms)', read: milliseconds },
  {
    key: 'cpuMs',
    flag: '--cpu',
    takes: 'time',
    says: 'CPU that one call uses (30ms, or the call)',
    read: milliseconds,
  },
  { key: 'memoryMb', flag: '--memory', takes: 'mb', says: 'the server’s memory (512)', read: number },
  {
    key: 'sessionS',
    flag: '--session',
    takes: 'time',
    says: 'from a session’s first call to its last (0s)',
    read: duration,
  },
  { key: 'sessions', flag: '--sessions', takes: 'n', says: 'a month (a session for each 20 calls)', read: amount },
  { key: 'streams', flag: '--streams', takes: 'n', says: 'connections that stay open for hours (0)', read: number },
  { key: 'users', flag: '--users', takes: 'n', says: 'people who sign in, a month (0)', read: amount },
  {
    key: 'machineTokens',
    flag: '--machine-tokens',
    takes: 'n',
    says: 'client_credentials tokens, a month (0)',
    read: amount,
  },
  {
    key: 'memoryEvents',
    flag: '--memory-events',
    takes: 'n',
    says: 'written to AgentCore Memory, a month (0)',
    read: amount,
  },
  { key: 'memoryRecords', flag: '--memory-records', takes: 'n', says: 'kept in AgentCore Memory (0)', read: amount },
  {
    key: 'memoryRetrievals',
    flag: '--memory-retrievals',
    takes: 'n',
    says: 'from AgentCore Memory, a month (0)',
    read: amount,
  },
  { key: 'region', flag: '--region', takes: 'region', says: '(us-east-1)', read: (text) => text },
  {
    key: 'architecture',
    flag: '--architecture',
    takes: 'name',
    says: 'arm64 or x86_64 (arm64)',
    read: oneOf('arm64', 'x86_64'),
  },
  { key: 'imageMb', flag: '--image-mb', takes: 'mb', says: 'of the container image (500)', read: number },
  {
    key: 'era',
    flag: '--era',
    takes: 'era',
    says: 'of the clients: legacy or modern (legacy)',
    read: oneOf('legacy', 'modern'),
  },
]

const detailed: Flag[] = [
  {
    key: 'lambdaAuth',
    flag: '--lambda-auth',
    takes: 'auth',
    says: 'iam or oauth (iam when all callers are in AWS)',
    read: oneOf('iam', 'oauth'),
  },
  { key: 'requestKb', flag: '--request-kb', takes: 'kb', says: 'of one request (1)', read: number },
  { key: 'responseKb', flag: '--response-kb', takes: 'kb', says: 'of one answer (4)', read: number },
  { key: 'logKb', flag: '--log-kb', takes: 'kb', says: 'logged for one request (1.5)', read: number },
  {
    key: 'cognitoPlan',
    flag: '--cognito-plan',
    takes: 'plan',
    says: 'lite, essentials or plus (essentials)',
    read: oneOf('lite', 'essentials', 'plus'),
  },
  { key: 'peak', flag: '--peak', takes: 'n', says: 'the busiest moment over the average (1)', read: number },
  { key: 'tasks', flag: '--tasks', takes: 'n', says: 'Fargate tasks at least (2)', read: number },
  { key: 'taskVcpu', flag: '--task-vcpu', takes: 'n', says: 'of one task (0.5)', read: number },
  { key: 'taskMemoryMb', flag: '--task-memory', takes: 'mb', says: 'of one task (1024)', read: number },
  { key: 'nat', flag: '--nat', takes: 'n', says: 'NAT gateways (0)', read: number },
  {
    key: 'cloudfront',
    flag: '--cloudfront',
    takes: 'plan',
    says: 'none, payg, free, pro or business (payg)',
    read: oneOf('none', 'payg', 'free', 'pro', 'business'),
  },
  { key: 'idleS', flag: '--idle', takes: 'time', says: 'after which a Runtime session ends (15m)', read: duration },
  {
    key: 'runtimeMemoryMb',
    flag: '--runtime-memory',
    takes: 'mb',
    says: 'that a Runtime session uses (150)',
    read: number,
  },
  { key: 'searches', flag: '--searches', takes: 'n', says: 'through the gateway, a month (0)', read: amount },
  { key: 'tools', flag: '--tools', takes: 'n', says: 'that the gateway indexes (0)', read: amount },
]

/** Adds the options that describe a workload; `all` adds those that only cost needs. */
export function withWorkload(command: Command, all: boolean): Command {
  command.option('--calls <n>', 'tool calls: 100k, 100k/month, 20/second')
  for (const { flag, takes, says } of all ? [...shared, ...detailed] : shared)
    command.option(`${flag} <${takes}>`, says)
  return command
}

/** Reads the options that were given into the part of a workload that they describe. Throws USAGE, WORKLOAD_INVALID. */
export function givenWorkload(options: WorkloadOptions): Partial<Workload> {
  const given: Record<string, unknown> = {}
  for (const { key, flag, read } of [...shared, ...detailed]) {
    const value = options[optionName(flag)]
    if (typeof value === 'string') given[key] = read(value, flag)
  }
  return given
}

/** As commander names it: `--machine-tokens` is `machineTokens`. */
function optionName(flag: string): string {
  return flag.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

export const callersWords = oneOf('aws', 'public', 'both')
export const oneOfWords = oneOf

/** Opens the prices of a region, the user's own on top. */
export function openBook(region: string): { book: PriceBook; file: string } {
  const file = ownPricesFile()
  return { book: priceBook(region, readOwnPrices(file)), file }
}

/** What a reader has to know of the prices that were used: own ones, and old ones. Empty when there is nothing to say. */
export function priceNotes(used: readonly PriceInRegion[], file: string, now = new Date()): string[] {
  const own = new Set(used.filter(({ own }) => own).map(({ key }) => key)).size
  const stale = staleWarning([...new Map(used.map((each) => [each.key, each])).values()], now)
  return [...(own > 0 ? [`${own} of the prices are your own, from ${file}`] : []), ...(stale ? [stale] : [])]
}

export function dollars(usd: number | undefined): string {
  return usd === undefined
    ? 'unknown'
    : `$${usd.toLocaleString('en-US', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`
}
