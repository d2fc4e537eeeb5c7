// Writes the pages that are made from tables. `--check` says whether they are current and writes nothing.
import { readFileSync, writeFileSync } from 'node:fs'
import { errors, exitCodes } from '../dist/errors.js'

const pages = { 'docs/errors.md': errorsPage() }
for (const [file, text] of Object.entries(pages)) {
  if (!process.argv.includes('--check')) writeFileSync(file, text)
  else if (readFileSync(file, 'utf8') !== text) {
    console.error(`${file} is not what the table says. Run: npm run docs`)
    process.exitCode = 6
  }
}

function errorsPage() {
  const rows = Object.entries(errors).map(
    ([code, { exit, why, fix }]) => `## ${code}\n\n${why}\n\n**Fix.** ${fix}\n\nExit code ${exitCodes[exit]}.\n`,
  )
  return `# Error codes\n\nMade from \`src/errors.ts\` by \`npm run docs\`. A message often says more: the cause that was met, and the fix for it.\n\n${rows.join('\n')}`
}
