import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { FairleadError } from '../../errors.ts'
import { imageFolder } from '../../image-folder.ts'
import { localAccount } from '../../platforms.ts'
import { refused } from './refused.ts'
import { resolver, type Template } from './resolve.ts'
import { withoutServerless } from './serverless.ts'
import { requireParameters, requireRules } from './standing.ts'
import { readTemplateFile, unreadable } from './template-file.ts'

/** A synthesized stack, with everything filled in as CloudFormation would. */
export interface StackFile {
  file: string
  resources: Filled[]
  outputs: Record<string, string>
  /** The folder of an asset, by the key of its object in S3. Throws TEMPLATE_NOT_RUNNABLE. */
  asset(key: string): string
  /** The folder with what an image runs, by its URI; undefined where it is not beside the template. */
  image(uri: string): string | undefined
}

export interface Filled {
  /** What CloudFormation would call it, where the template gives no name. */
  id: string
  /** What the template calls it. */
  logicalId: string
  type: string
  properties: Record<string, unknown>
}

const ending = '.template.json'
const ofSam = /^template\.(ya?ml|json)$/

/**
 * Reads a template, or all templates of a cloud assembly, or the one of a folder of AWS SAM. Throws TEMPLATE_UNREADABLE and
 * TEMPLATE_NOT_RUNNABLE.
 */
export async function readStacks(given: string): Promise<StackFile[]> {
  const path = resolve(given)
  if (!existsSync(path)) throw unreadable(path, 'is not there')
  const files = statSync(path).isDirectory() ? templatesIn(path) : [path]
  if (files.length === 0) throw unreadable(path, `has no *${ending} and no template.yaml`)
  return Promise.all(files.map(readStack))
}

function templatesIn(dir: string): string[] {
  const names = readdirSync(dir).toSorted()
  const synthesized = names.filter((name) => name.endsWith(ending))
  const found = synthesized.length > 0 ? synthesized : names.filter((name) => ofSam.test(name)).slice(0, 1)
  return found.map((name) => join(dir, name))
}

async function readStack(file: string): Promise<StackFile> {
  const read = await readTemplateFile(file)
  const template = withoutServerless(read, file)
  const stack = basename(file).replace(/\.template\.json$|\.(json|ya?ml)$/, '')
  const fill = filler(template, stack, file)
  requireParameters(template, file)
  requireRules(template, (value) => fill(value, 'Rules'), file)
  const stands = ([id, { Condition }]: [string, { Condition?: string }]) =>
    Condition === undefined || fill({ 'Fn::If': [Condition, true, false] }, id) === true
  return {
    file,
    resources: Object.entries(template.Resources)
      .filter(stands)
      .map(([logicalId, { Type, Properties = {} }]) => ({
        id: `${stack}-${logicalId}`,
        logicalId,
        type: Type,
        properties: fill(Properties, logicalId) as Record<string, unknown>,
      })),
    outputs: Object.fromEntries(
      Object.entries(template.Outputs ?? {})
        .filter(stands)
        .map(([key, { Value }]) => [key, String(fill(Value, key))]),
    ),
    asset: (key) => assetOf(file, stack, key),
    image: (uri) => imageOf(file, uri),
  }
}

function filler(template: Template, stack: string, file: string): (value: unknown, part: string) => unknown {
  const resolve = resolver(template, { account: localAccount.accountId, region: localAccount.region, stack })
  return (value, part) => {
    try {
      return resolve(value)
    } catch (error) {
      throw refused({ file }, part, error instanceof Error ? error.message : 'wrong', {
        why: 'CloudFormation would not take the template either, or uses a function that is not known here.',
        fix: 'Correct the template, or synthesize it again: fairlead synth',
        cause: error,
      })
    }
  }
}

/** CDK keeps what it will upload beside the templates, and says in STACK.assets.json which folder has which key. */
function assetOf(file: string, stack: string, key: string): string {
  const hash = basename(key).replace(/\.zip$/, '')
  const listed = join(dirname(file), `${stack}.assets.json`)
  const assets = existsSync(listed)
    ? (readJson(listed) as { files?: Record<string, { source?: { path?: string } }> })
    : {}
  const path = Object.entries(assets.files ?? {}).find(([id, each]) => id.startsWith(hash) && each.source?.path)?.[1]
    .source?.path
  const dir = path === undefined ? undefined : join(dirname(file), path)
  if (dir !== undefined && existsSync(join(dir, 'index.js'))) return dir
  throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: the asset ${hash.slice(0, 12)}… is not beside it`, {
    why: 'The template runs the files that it uploads, and they are in the folder that `fairlead synth` wrote.',
  })
}

/** Named by its digest where fairlead pushes it, by the hash of its folder where CDK builds it by Docker. */
function imageOf(file: string, uri: string): string | undefined {
  const [, digest, hash = ''] = /(?:@(sha256:[0-9a-f]{64})|:([0-9a-f]{64}))$/.exec(uri) ?? []
  const dir = join(dirname(file), digest ? imageFolder(digest) : join(`asset.${hash}`, 'app'))
  return existsSync(join(dir, 'index.js')) ? dir : undefined
}

function readJson(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as unknown
  } catch (error) {
    throw unreadable(file, 'cannot be read', error)
  }
}
