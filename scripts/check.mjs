// `npm run check`: every check that a change must pass, one line each. `--without NAME` leaves one out.
import { spawnSync } from 'node:child_process'

const node = process.execPath
const checks = {
  docs: ['scripts/docs.mjs', '--check'],
  format: ['node_modules/oxfmt/bin/oxfmt', '--check', '.'],
  lint: ['node_modules/oxlint/bin/oxlint', '--type-aware', '--deny-warnings'],
  types: ['node_modules/typescript/bin/tsc'],
  tests: ['node_modules/vitest/vitest.mjs', 'run'],
  unused: ['node_modules/knip/bin/knip.js'],
  packaging: ['node_modules/publint/src/cli.js', '--strict'],
}
const without = process.argv.flatMap((word, at) => (process.argv[at - 1] === '--without' ? [word] : []))

let passed = 0
const failed = []
for (const [name, args] of Object.entries(checks)) {
  if (without.includes(name)) continue
  const { status, stdout, stderr } = spawnSync(node, args, { encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 })
  console.log(`${status === 0 ? '✓' : '✗'} ${name}`)
  if (status === 0) passed++
  else {
    failed.push(name)
    console.log(`${stdout}${stderr}`.trim())
  }
}
console.log(`${passed} passed, ${failed.length} failed`)
process.exitCode = failed.length === 0 ? 0 : 1
