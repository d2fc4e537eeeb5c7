// Writes the pages that are made from tables. `--check` says whether they are current and writes nothing.
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { errors, exitCodes } from '../dist/errors.js'

const folder = 'docs/errors'
/** Real output, kept by `npm run faults`. */
const examples = 'test/faults/examples'

const codes = Object.keys(errors)
const pages = Object.fromEntries([
  [`${folder}/README.md`, index()],
  ...codes.map((code) => [`${folder}/${code}.md`, page(code, errors[code])]),
])
const check = process.argv.includes('--check')
mkdirSync(folder, { recursive: true })
for (const name of readdirSync(folder))
  if (!(`${folder}/${name}` in pages)) stale(`${folder}/${name}`, () => rmSync(`${folder}/${name}`))
for (const [file, text] of Object.entries(pages))
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) stale(file, () => writeFileSync(file, text))

function stale(file, mend) {
  if (!check) return mend()
  console.error(`${file} is not what the table says. Run: npm run docs`)
  process.exitCode = 6
}

function index() {
  const rows = codes.map((code) => `- [${code}](${code}.md): ${errors[code].why}`)
  return `# Error codes\n\nMade from \`src/errors.ts\` by \`npm run docs\`, a page for each. A message often says more: the cause that was met, and the fix for it.\n\n${rows.join('\n')}\n`
}

function page(code, { exit, why, fix }) {
  const example = `${examples}/${code}.txt`
  const shown = existsSync(example)
    ? `\n## Example\n\nWhat \`fairlead explain\` says of a fault that makes it:\n\n\`\`\`\n${readFileSync(example, 'utf8')}\`\`\`\n`
    : ''
  return `# ${code}\n\n${why}\n\n**Fix.** ${fix}\n\nExit code ${exitCodes[exit]}. [All codes](README.md)\n${shown}`
}
