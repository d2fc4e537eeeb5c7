import { spawnSync } from 'node:child_process'

const command = process.env.CFN_LINT ?? 'cfn-lint'
/** The first that knows the resource types of AgentCore as they are now: an older one finds fault with what is right. */
const wanted = [1, 58]

const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' })
const [, version] = /^cfn-lint (\d+\.\d+)/.exec(stdout ?? '') ?? []
const [major = 0, minor = 0] = version?.split('.').map(Number) ?? []
const there = major > wanted[0]! || (major === wanted[0] && minor >= wanted[1]!)

/** cfn-lint, where Python has it: `pip install cfn-lint`, or a path in CFN_LINT. */
export const cfnLint = {
  command,
  there,
  note: there ? '' : ` (skipped: cfn-lint ${wanted.join('.')} is not on this machine)`,
}
