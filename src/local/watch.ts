import { watch } from 'node:fs'
import { sep } from 'node:path'

const ignored = new Set(['node_modules', '.fairlead', '.git', 'dist'])

/** What editors and programs write while they run. */
const notSource = /(~|\.(log|jsonl|tmp|swp))$/

/** Calls back, at most once per `quietMs` of silence, when a source under the folder changes. Returns the way to stop. */
export function watchSources(
  dir: string,
  changed: () => void,
  { quietMs = 80, recursive = true }: { quietMs?: number; recursive?: boolean } = {},
): () => void {
  let timer: NodeJS.Timeout | undefined
  const watcher = watch(dir, { recursive }, (_event, file) => {
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

/** Calls back when something directly in one of the folders changes; `refresh` asks which they are now. */
export function watchFolders(folders: () => readonly string[], changed: () => void): { refresh(): void; stop(): void } {
  const watchers = new Map<string, () => void>()
  const refresh = () => {
    const wanted = new Set(folders())
    for (const [dir, stop] of watchers)
      if (!wanted.has(dir)) {
        stop()
        watchers.delete(dir)
      }
    for (const dir of wanted)
      if (!watchers.has(dir)) watchers.set(dir, watchSources(dir, changed, { recursive: false }))
  }
  refresh()
  return {
    refresh,
    stop: () => {
      for (const stop of watchers.values()) stop()
      watchers.clear()
    },
  }
}
