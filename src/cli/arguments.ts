import { FairleadError } from '../errors.ts'
import { nearest } from '../nearest.ts'

interface ObjectSchema {
  properties?: Record<string, { type?: unknown }>
}

/**
 * Reads `k=v` and `k:=json` into a tool's arguments. `k=v` is a string unless the tool's schema says otherwise,
 * so that an account id keeps its zeros. Throws TOOL_ARGUMENTS.
 */
export function toolArguments(words: readonly string[], schema: unknown): Record<string, unknown> {
  const properties = (schema as ObjectSchema | undefined)?.properties ?? {}
  return Object.fromEntries(words.map((word) => oneArgument(word, properties)))
}

function oneArgument(word: string, properties: NonNullable<ObjectSchema['properties']>): [string, unknown] {
  const parts = /^([^=:]+)(:?=)(.*)$/s.exec(word)
  if (!parts)
    throw new FairleadError('TOOL_ARGUMENTS', `${word} is not of the form name=value`, {
      fix: 'Write name=value, or name:=json for a number, a list or an object.',
    })
  const [, name, sign, text] = parts as unknown as [string, string, string, string]
  if (sign === ':=') return [name, json(name, text)]
  const names = Object.keys(properties)
  if (names.length > 0 && !(name in properties)) throw unknownArgument(name, names)
  return [name, typed(name, text, properties[name]?.type)]
}

function typed(name: string, text: string, type: unknown): unknown {
  const types = Array.isArray(type) ? (type as unknown[]) : [type]
  if (types.includes('string')) return text
  if ((types.includes('number') || types.includes('integer')) && !/^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/.test(text))
    throw new FairleadError('TOOL_ARGUMENTS', `\`${name}\` takes a number, and ${text} is not one`, {
      why: 'The tool’s schema says so.',
    })
  if (types.includes('boolean') && text !== 'true' && text !== 'false')
    throw new FairleadError('TOOL_ARGUMENTS', `\`${name}\` takes true or false, and ${text} is neither`, {
      why: 'The tool’s schema says so.',
    })
  return types.some((each) => ['number', 'integer', 'boolean', 'array', 'object'].includes(each as string))
    ? json(name, text)
    : text
}

function json(name: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new FairleadError('TOOL_ARGUMENTS', `The value of \`${name}\` is not JSON`, {
      why: 'The value is read as JSON there.',
      fix: `Quote it for the shell, as in ${name}:='{"a": 1}'`,
      cause: error,
    })
  }
}

function unknownArgument(name: string, names: string[]): FairleadError {
  const meant = nearest(name, names)
  return new FairleadError(
    'TOOL_ARGUMENTS',
    `The tool takes no argument \`${name}\`${meant ? `; did you mean \`${meant}\`?` : ''}`,
    { fix: `It takes: ${names.join(', ')}` },
  )
}
