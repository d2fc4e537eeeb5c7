import { describe, expect, it } from 'vitest'
import { toolArguments } from '../../src/cli/arguments.ts'

const schema = {
  properties: {
    account_id: { type: 'string' },
    days: { type: 'integer' },
    deep: { type: 'boolean' },
    tags: { type: 'object' },
    either: { type: ['number', 'string'] },
  },
}

describe('arguments of fairlead call', () => {
  it('stay strings unless the schema says otherwise', () => {
    expect(toolArguments(['account_id=001122223333'], schema)).toEqual({ account_id: '001122223333' })
    expect(toolArguments(['x=5'], {})).toEqual({ x: '5' })
    expect(toolArguments(['either=5'], schema)).toEqual({ either: '5' })
  })

  it('take the type that the schema gives', () => {
    expect(toolArguments(['days=7', 'deep=true', 'tags={"a":"b=c"}'], schema)).toEqual({
      days: 7,
      deep: true,
      tags: { a: 'b=c' },
    })
  })

  it('are JSON after := whatever the schema says', () => {
    expect(toolArguments(['account_id:=[1,2]'], schema)).toEqual({ account_id: [1, 2] })
  })

  it('keep everything after the first equals sign', () => {
    expect(toolArguments(['account_id=a=b:=c\nd'], schema)).toEqual({ account_id: 'a=b:=c\nd' })
  })

  it.each([
    ['days=seven', /takes a number/],
    ['days=007', /takes a number/],
    ['deep=yes', /true or false/],
    ['acount_id=1', /did you mean `account_id`/],
    ['word', /name=value/],
    ['tags:={', /not JSON/],
  ])('that are wrong are refused with what to write: %s', (word, message) => {
    expect(() => toolArguments([word], schema)).toThrow(message)
  })
})
