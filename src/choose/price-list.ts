import { FairleadError } from '../errors.ts'
import { prices, priceKeys, type Price, type PriceKey } from './prices.ts'

export const publicPriceList = 'https://pricing.us-east-1.amazonaws.com'

export interface ListOptions {
  region: string
  /** Where the price list is; AWS's by default. */
  url?: string
  fetch?: typeof fetch
  now?: Date
  note?: (text: string) => void
}

export interface FromList {
  found: Partial<Record<PriceKey, { usd: number; source: string; date: string }>>
  /** Prices that the list did not give, each with the reason. The table's stays in use. */
  notFound: { key: PriceKey; why: string }[]
}

/**
 * Reads the prices of a region from the public AWS price list: service index, region index, offer file.
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/bulk-api-reading-price-list-files.html
 */
export async function readPriceList(options: ListOptions): Promise<FromList> {
  const list = new PriceList(options)
  const index = part(await list.get('/offers/v1.0/aws/index.json'), 'offers')
  const result: FromList = { found: {}, notFound: [] }
  for (const [code, keys] of byOffer()) {
    options.note?.(`  ${code}`)
    const offer = await list.offer(part(index, code), options.region)
    for (const key of keys) {
      const answer = offer ? priceIn(offer, key) : `${code} is not listed for ${options.region}`
      if (typeof answer === 'string') result.notFound.push({ key, why: answer })
      else result.found[key] = { ...answer, source: `AWS price list, ${code}` }
    }
  }
  for (const key of priceKeys)
    if (!('offer' in prices[key])) result.notFound.push({ key, why: 'it is not read from the list' })
  return result
}

function byOffer(): Map<string, PriceKey[]> {
  const codes = new Map<string, PriceKey[]>()
  for (const key of priceKeys) {
    const { offer }: Price = prices[key]
    if (offer) codes.set(offer.code, [...(codes.get(offer.code) ?? []), key])
  }
  return codes
}

type Json = Record<string, unknown>

/** Offer files are large; no regional one that is read here is near this. */
const largestBytes = 256 * 1024 * 1024

class PriceList {
  readonly #url: string
  readonly #fetch: typeof fetch

  constructor({ url = publicPriceList, fetch: given = fetch }: ListOptions) {
    this.#url = url
    this.#fetch = given
    const { protocol, hostname } = URL.parse(url) ?? { protocol: '', hostname: '' }
    if (protocol !== 'https:' && !(protocol === 'http:' && ['127.0.0.1', '[::1]', 'localhost'].includes(hostname)))
      throw new FairleadError('USAGE', `${url} is not an https address`, {
        fix: 'Give an address that begins with https://',
      })
  }

  async get(path: string): Promise<Json> {
    const url = new URL(path, this.#url)
    if (url.origin !== new URL(this.#url).origin) throw wrong(`${path} leads away from ${this.#url}`)
    const response = await this.#fetched(url)
    if (!response.ok) throw wrong(`${url.href} answered ${response.status}`)
    if (Number(response.headers.get('content-length') ?? 0) > largestBytes) throw wrong(`${url.href} is too large`)
    try {
      return asObject(JSON.parse(await bounded(response)))
    } catch (error) {
      throw wrong(`${url.href} is not JSON`, error)
    }
  }

  async #fetched(url: URL): Promise<Response> {
    try {
      return await this.#fetch(url, { redirect: 'error', signal: AbortSignal.timeout(120_000) })
    } catch (error) {
      throw new FairleadError('UNREACHABLE', `${url.origin} did not answer`, {
        why: 'The public AWS price list could not be reached. The prices that were there before stay in use.',
        fix: 'Check that this machine reaches the internet, then: fairlead prices refresh',
        cause: error,
      })
    }
  }

  async offer(entry: Json, region: string): Promise<Json | undefined> {
    const regionIndex = await this.get(textIn(entry, 'currentRegionIndexUrl'))
    const regions = part(regionIndex, 'regions')
    return region in regions ? this.get(textIn(part(regions, region), 'currentVersionUrl')) : undefined
  }
}

async function bounded(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let [text, bytes] = ['', 0]
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength
    if (bytes > largestBytes) throw new Error('too large')
    text += decoder.decode(chunk as Uint8Array, { stream: true })
  }
  return text + decoder.decode()
}

/** One price of an offer file, or why there is none: a usage type that stands for two prices is not guessed at. */
function priceIn(offer: Json, key: PriceKey): { usd: number; date: string } | string {
  const { per, offer: at }: Price = prices[key]
  const terms = part(part(offer, 'terms'), 'OnDemand')
  const found = new Set<number>()
  for (const [sku, product] of Object.entries(part(offer, 'products'))) {
    const { productFamily, attributes } = product as { productFamily?: string; attributes?: { usagetype?: string } }
    if (attributes?.usagetype?.replace(/^[A-Z0-9]+-/, '') !== at!.usageType) continue
    if (at!.code === 'AWSELB' && productFamily !== 'Load Balancer-Application') continue
    const usd = firstTier(terms[sku])
    if (usd !== undefined) found.add(usd)
  }
  if (found.size === 0) return `the list has no ${at!.usageType}`
  if (found.size > 1) return `the list has ${found.size} different prices for ${at!.usageType}`
  const [each] = [...found]
  return { usd: Number((each! * per).toPrecision(12)), date: textIn(offer, 'publicationDate').slice(0, 10) }
}

/** The price of the first tier that costs something: a free tier is listed as a tier of price 0. */
function firstTier(term: unknown): number | undefined {
  const dimensions = Object.values((term ?? {}) as Record<string, { priceDimensions?: Json }>).flatMap((each) =>
    Object.values(each.priceDimensions ?? {}),
  ) as { beginRange?: string; pricePerUnit?: { USD?: string } }[]
  const tiers = dimensions
    .map(({ beginRange = '0', pricePerUnit }) => ({ from: Number(beginRange), usd: Number(pricePerUnit?.USD) }))
    .filter(({ usd }) => Number.isFinite(usd) && usd > 0)
    .sort((a, b) => a.from - b.from)
  return tiers[0]?.usd
}

function part(json: Json, name: string): Json {
  return asObject(json[name], name)
}

function asObject(value: unknown, name = 'the answer'): Json {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(`The price list has no ${name}`)
  return value as Json
}

function textIn(json: Json, name: string): string {
  const value = json[name]
  if (typeof value !== 'string') throw wrong(`The price list has no ${name}`)
  return value
}

function wrong(message: string, cause?: unknown): FairleadError {
  return new FairleadError('PRICE_LIST_INVALID', message, cause === undefined ? {} : { cause })
}
