import { watch } from 'node:fs'
import { sep } from 'node:path'

const ignored = new Set(['node_modules', '.fairlead', '.git', 'dist'])

/** What editors and programs write while they run. */
const notSource = /(~|\.(log|jsonl|tmp|swp))$/

/** Calls back, at most once per `quietMs` of silence, when a source under the folder changes. Returns the way to stop. */
export function watchSources(dir: string, changed: () => void, quietMs = 80): () => void {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dir, { recursive: true }, (_event, file) => {
    if (file === null || file.split(sep).some((part) => ignored.has(part)) || notSource.test(file)) return
    clearTimeout(timer)
    timer = setTimeout(changed, quietMs)
  })
  watcher.on('error', () => {})
  return () => {
    clearTimeout(timer)
    watcher.close()
  }
}
