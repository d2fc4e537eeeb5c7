import { Writable } from 'node:stream'
import { expect, it } from 'vitest'
import { deployProgress, type Progress } from '../../src/cli/deploy-progress.ts'

const at = new Date('2026-11-25T09:41:07Z')
const step = (state: string, type: string, id: string, reason?: string) => ({ at, stack: 'tools-default-agentcore-gateway', state, type, id, ...(reason === undefined ? {} : { reason }) }) // prettier-ignore

/** What is written to a terminal of so many columns; to a file where there are none. */
function shown(columns: number | undefined, tell: (progress: Progress) => void): string {
  let text = ''
  const out = new Writable({
    decodeStrings: false,
    write(chunk: string, _encoding, done) {
      text += chunk
      done()
    },
  })
  tell(deployProgress(Object.assign(out, columns ? { isTTY: true, columns } : {}) as unknown as NodeJS.WriteStream))
  return text
}

const whole = (progress: Progress) => {
  progress.step(step('CREATE_COMPLETE', 'AWS::Lambda::Function', 'ServerFunctionB9E3FD9F'))
  progress.step(step('CREATE_COMPLETE', 'AWS::BedrockAgentCore::GatewayTarget', 'GatewayTargetorders701E3C67'))
  progress.step(step('CREATE_FAILED', 'AWS::IAM::Role', 'ServerRole5EA5FAF5', 'User ada is not authorized to perform: iam:CreateRole on the role server, since no policy allows it')) // prettier-ignore
  progress.note('  layer 1 of 3: 80.1 MB was there, in another repository')
}

it('a line of a wide terminal has its columns', () => {
  expect(shown(120, whole)).toBe(`\
09:41:07  CREATE_COMPLETE            AWS::Lambda::Function              ServerFunctionB9E3FD9F
09:41:07  CREATE_COMPLETE            AWS::BedrockAgentCore::GatewayTarget GatewayTargetorders701E3C67
09:41:07  CREATE_FAILED              AWS::IAM::Role                     ServerRole5EA5FAF5
          User ada is not authorized to perform: iam:CreateRole on the role server, since no policy allows it
  layer 1 of 3: 80.1 MB was there, in another repository
`)
})

it('a line of a narrow terminal is closer together, and goes on in the next where it is still too long', () => {
  expect(shown(80, whole)).toBe(`\
09:41:07  CREATE_COMPLETE  AWS::Lambda::Function  ServerFunctionB9E3FD9F
09:41:07  CREATE_COMPLETE  AWS::BedrockAgentCore::GatewayTarget
          GatewayTargetorders701E3C67
09:41:07  CREATE_FAILED  AWS::IAM::Role  ServerRole5EA5FAF5
          User ada is not authorized to perform: iam:CreateRole on the role
          server, since no policy allows it
  layer 1 of 3: 80.1 MB was there, in another repository
`)
  for (const line of shown(40, whole).split('\n')) expect(line.length).toBeLessThanOrEqual(46)
  expect(shown(40, ({ note }) => note('  layer 1 of 3: 80.1 MB was there, in another repository'))).toBe(
    '  layer 1 of 3: 80.1 MB was there, in\n    another repository\n',
  )
})

it('a file has each step in one line, whatever its length', () => {
  const lines = shown(undefined, whole).split('\n')
  expect(lines[1]).toMatch(/^09:41:07 {2}CREATE_COMPLETE {12}AWS::BedrockAgentCore::GatewayTarget \w+$/)
  expect(lines[3]).toMatch(/^ {10}User ada .* allows it$/)
})

it('what is under way is in the last line of a terminal, cut where it ends', () => {
  const text = shown(30, (progress) => {
    progress.step(step('CREATE_IN_PROGRESS', 'AWS::IAM::Role', 'GatewayRole85066176'))
    progress.step(step('CREATE_IN_PROGRESS', 'AWS::Logs::LogGroup', 'GatewayLogEB976FB6'))
    progress.end()
  })
  expect(text).toBe('… GatewayRole85066176\r\u001B[K… GatewayRole85066176, Gatewa\r\u001B[K')
})
