import { expect, it } from 'vitest'
import { isDetail } from '../../src/cli/server-lines.ts'

it('What Lambda says around a call and what a service did are details; what it could not do, and the server’s own lines, are not', () => {
  const said = [
    'START RequestId: 1',
    'END RequestId: 1  Duration: 2.00 ms',
    '{"event":"client.registered"}',
    '{"level":"info","event":"keys.published","keys":["a"]}',
    '{"level":"warn","event":"invalid_grant.error"}',
    '{"level":"error","event":"keys.error"}',
    '{"level":"info","message":"the server’s own"}',
    'listening',
  ]
  expect(said.filter((line) => !isDetail(line))).toEqual(said.slice(5))
})
