import { spawn } from 'node:child_process'

/** Opens a page in the system's browser, or in the program that BROWSER names. Nothing happens where there is none: the address was shown. */
export function openBrowser(url: URL, env: NodeJS.ProcessEnv = process.env): void {
  const [command, ...args] = commandFor(env)
  const child = spawn(command, [...args, url.href], { stdio: 'ignore', detached: true })
  child.once('error', () => {})
  child.unref()
}

function commandFor(env: NodeJS.ProcessEnv): [string, ...string[]] {
  if (env.BROWSER) return [env.BROWSER]
  if (process.platform === 'darwin') return ['open']
  // `start` is a word of cmd, which reads & in an address as the end of a command; this program takes it as it is.
  if (process.platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler']
  return ['xdg-open']
}
