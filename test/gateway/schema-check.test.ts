import Ajv2020 from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { compileSchema } from '../../src/gateway/schema-check.ts'

const schemas: Record<string, object> = {
  types: { type: ['string', 'null'] },
  number: { type: 'number', minimum: 1, exclusiveMaximum: 10, multipleOf: 0.5 },
  integer: { type: 'integer' },
  text: { type: 'string', minLength: 2, maxLength: 3, pattern: '^[a-z🦜]+$' },
  list: { type: 'array', items: { type: 'integer' }, minItems: 1, maxItems: 3, uniqueItems: true },
  tuple: { prefixItems: [{ type: 'string' }, { type: 'integer' }], items: { type: 'boolean' } },
  object: {
    type: 'object',
    properties: { a: { type: 'string' }, b: { enum: [1, 'x', null] } },
    required: ['a'],
    additionalProperties: false,
  },
  others: { type: 'object', additionalProperties: { type: 'integer' }, maxProperties: 2 },
  one: { oneOf: [{ type: 'integer' }, { type: 'number', minimum: 5 }] },
  any: { anyOf: [{ type: 'string' }, { type: 'object', required: ['a'] }] },
  all: { allOf: [{ type: 'object', required: ['a'] }, { properties: { a: { const: 1 } } }] },
  not: { not: { type: 'string' } },
  tree: {
    $ref: '#/$defs/n',
    $defs: {
      n: {
        type: 'object',
        properties: { c: { type: 'array', items: { $ref: '#/$defs/n' } } },
        additionalProperties: false,
      },
    },
  },
  nothing: { properties: { a: false } },
}
const values: unknown[] = [
  null,
  true,
  0,
  1,
  1.5,
  5,
  5.5,
  10,
  '',
  'ab',
  'abcd',
  '🦜🦜',
  'AB',
  [],
  [1],
  [1, 1],
  [1, 2, 3, 4],
  ['a', 1],
  ['a', 1, true],
  ['a', 'b'],
  ['a', 1, 2],
  {},
  { a: 'x' },
  { a: 1 },
  { a: 'x', b: null },
  { a: 'x', b: 2 },
  { a: 'x', c: 1 },
  { x: 1, y: 2 },
  { x: 1, y: 2, z: 3 },
  { c: [] },
  { c: [{ c: [] }] },
  { c: [{ d: 1 }] },
]

describe('our check of a value against a schema', () => {
  const ajv = new Ajv2020.default({ strict: false, validateFormats: false, unicodeRegExp: true })
  it.each(Object.entries(schemas))('agrees with ajv: %s', (_name, schema) => {
    const ours = compileSchema(schema as Record<string, unknown>)
    const theirs = ajv.compile(schema)
    for (const value of values) expect([value, ours(value).length === 0]).toEqual([value, theirs(value)])
  })
})
