import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The newest Node that Lambda has. @see https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html (read 2026-11-22) */
const lambdaMajor = 24

/** The command that runs our runtime client: under Lambda's own Node where npm's platform package is here, else under this one, and it says so. */
export function lambdaNode(memoryMb: number, log: (line: string) => void): string[] {
  const compiled = fileURLToPath(new URL('./runtime-client/main.js', import.meta.url))
  const client = existsSync(compiled) ? compiled : compiled.replace(/\.js$/, '.ts')
  // What is not heap, code and buffers, takes some of the memory too.
  return [
    findNode(log),
    `--max-old-space-size=${Math.max(64, Math.floor(memoryMb * 0.9))}`,
    '--max-semi-space-size=16',
    client,
  ]
}

export function findNode(log: (line: string) => void): string {
  if (Number(process.versions.node.split('.')[0]) === lambdaMajor) return process.execPath
  const system = process.platform === 'win32' ? 'win' : process.platform
  const file = `node-${system}-${process.arch}/bin/node${system === 'win' ? '.exe' : ''}`
  const packaged = [
    new URL(`../../../node_modules/${file}`, import.meta.url),
    new URL(`../../../../${file}`, import.meta.url),
  ]
    .map((url) => fileURLToPath(url))
    .find((path) => existsSync(path))
  if (packaged) return packaged
  log(`Lambda runs Node ${lambdaMajor}; here the function runs on your ${process.version}.`)
  return process.execPath
}
