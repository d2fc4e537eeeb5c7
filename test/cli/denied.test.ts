import { ProtocolError } from '@modelcontextprotocol/client'
import { expect, it } from 'vitest'
import { denied } from '../../src/cli/denied.ts'

it('a call that policies deny is told as that, and exits as a refusal', () => {
  const words =
    'Tool Execution Denied: Tool call not allowed due to policy enforcement [Policy evaluation denied due to a]'
  expect(denied(new ProtocolError(-32_002, words))).toMatchObject({
    code: 'POLICY_DENIED',
    message: expect.stringContaining('[Policy evaluation denied due to a]'),
    exitCode: 3,
  })
  const other = new ProtocolError(-32_002, 'Resource not found: x')
  expect(denied(other)).toBe(other)
})
