import { spawnSync } from 'node:child_process'

const command = process.env.CFN_LINT ?? 'cfn-lint'

/** cfn-lint, where Python has it: `pip install cfn-lint`, or a path in CFN_LINT. */
const { status } = spawnSync(command, ['--version'], { stdio: 'ignore' })
export const cfnLint = {
  command,
  there: status === 0,
  note: status === 0 ? '' : ' (skipped: cfn-lint is not on this machine)',
}
