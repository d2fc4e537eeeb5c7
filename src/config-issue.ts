import * as z from 'zod'
import { configSchema } from './config-schema.ts'
import { FairleadError } from './errors.ts'
import { nearest } from './nearest.ts'

/** Says what the schema finds wrong with a configuration; of a key that is none, the nearest right one. */
export function invalid(issue: z.core.$ZodIssue, value: unknown, file: string): FairleadError {
  const at = issue.path.map(String).join('.')
  if (issue.code !== 'unrecognized_keys')
    return new FairleadError(
      'CONFIG_INVALID',
      `${file}: ${at === '' ? 'the configuration' : `\`${at}\``} is wrong: ${said(issue)}`,
      {
        why: 'The value is not one that fairlead accepts there.',
      },
    )
  const key = issue.keys[0]!
  const full = at === '' ? key : `${at}.${key}`
  const right = nearest(key, keysAt(issue.path, value))
  return new FairleadError(
    'CONFIG_INVALID',
    `${file}: \`${full}\` is not a key of the configuration${right ? `; did you mean \`${right}\`?` : ''}`,
    right ? { fix: `Write \`${right}\` for \`${key}\`.` } : {},
  )
}

/** Of a key that is none, what its own check says. */
function said(issue: z.core.$ZodIssue): string {
  return issue.code === 'invalid_key' ? (issue.issues[0]?.message ?? issue.message) : issue.message
}

/** The keys that are right at a path, read from the schema itself. */
function keysAt(path: readonly PropertyKey[], value: unknown): string[] {
  let at: z.ZodType | undefined = configSchema
  let here: unknown = value
  for (const step of path) {
    here = (here as Record<PropertyKey, unknown> | undefined)?.[step]
    at = inner(at, step, here)
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}

function inner(schema: z.ZodType | undefined, step: PropertyKey, value: unknown): z.ZodType | undefined {
  const bare = unwrap(schema)
  const next: unknown =
    bare instanceof z.ZodObject
      ? bare.shape[String(step)]
      : bare instanceof z.ZodRecord
        ? bare.valueType
        : bare instanceof z.ZodArray
          ? bare.element
          : undefined
  const found = unwrap(next as z.ZodType | undefined)
  if (!(found instanceof z.ZodDiscriminatedUnion)) return found
  const kind = (value as { kind?: unknown } | undefined)?.kind
  return found.options.find(
    (option) => option instanceof z.ZodObject && (option.shape.kind as z.ZodLiteral).value === kind,
  ) as z.ZodType | undefined
}

function unwrap(schema: z.ZodType | undefined): z.ZodType | undefined {
  return schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema
}
