import { spawn } from 'node:child_process'

/** Ends process groups when this process has ended, in whatever way: a frozen process cannot notice that by itself. */
export interface Watchdog {
  add(pgid: number): void
  remove(pgid: number): void
  close(): void
}

// It reads what to watch from its stdin. When that ends, its parent has ended, and what is left is killed.
const script = `trap '' INT TERM HUP
pids=
while read -r op pid; do
  case $op in add) pids="$pids $pid" ;; remove) kept=; for p in $pids; do [ "$p" = "$pid" ] || kept="$kept $p"; done; pids=$kept ;; esac
done
for p in $pids; do kill -9 "-$p" 2>/dev/null; done
[ -z "$1" ] || rm -rf -- "$1"`

/** Starts the watchdog, which removes a temporary folder at the end too; on Windows, which freezes nothing, there is none. */
export function startWatchdog(folder = ''): Watchdog {
  if (process.platform === 'win32') return { add: () => {}, remove: () => {}, close: () => {} }
  const child = spawn('/bin/sh', ['-c', script, 'watchdog', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env.PATH ?? '' },
  })
  child.on('error', () => {})
  child.stdin.on('error', () => {})
  child.unref()
  ;(child.stdin as unknown as { unref(): void }).unref()
  return {
    add: (pgid) => void child.stdin.write(`add ${pgid}\n`),
    remove: (pgid) => void child.stdin.write(`remove ${pgid}\n`),
    close: () => void child.stdin.end(),
  }
}
