// Installs and builds what a command needs, once. Only node: imports: it runs on a bare clone, on any Node >= 20.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const windows = process.platform === 'win32'
const stamp = 'node_modules/.fairlead-built'
const lock = join(root, '.bootstrap.lock')

/** The Node to run the project under: the packaged one when it is installed, else the caller's own if it is new enough. */
export function projectNode() {
  const packaged = join(
    root,
    `node_modules/node-${windows ? 'win' : process.platform}-${process.arch}/bin/node${windows ? '.exe' : ''}`,
  )
  if (existsSync(packaged)) return realpathSync(packaged)
  const [major, minor] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 19)) return process.execPath
  fail(
    `Node 22.19 or newer is needed; this is ${process.version}, and npm has no Node for ${process.platform}-${process.arch}. Get it from https://nodejs.org`,
  )
}

/** Brings the clone to a level: `start` (what runs), `test` (and what checks), `interop` (and the peers to compare with). */
export function bootstrap(level) {
  process.chdir(root)
  exclusively(() => {
    install(level)
    build()
  })
}

function install(level) {
  const dev = level !== 'start'
  const have = existsSync('node_modules/.package-lock.json')
    ? JSON.parse(readFileSync('node_modules/.package-lock.json', 'utf8')).packages
    : undefined
  const missing = missingFrom(have, dev)
  if (missing === 'all') {
    console.error('fairlead: installing (once; under half a minute)')
    npm(['ci', dev ? '--include=dev' : '--omit=dev', '--include=optional'])
  } else if (missing === 'dev') {
    console.error('fairlead: installing what the tests need (once)')
    npm(['install', '--no-save', '--include=dev', '--include=optional'])
  }
  if (level === 'interop') installPeers()
}

function installPeers() {
  const wanted = hash(['tools/interop/package-lock.json'])
  const mark = 'tools/interop/node_modules/.fairlead-installed'
  if (stamped(mark, wanted)) return
  console.error('fairlead: installing the peers to compare with (once)')
  npm(['ci', '--prefix', 'tools/interop', '--include=optional'])
  writeFileSync(mark, wanted)
}

/** npm writes its own record of node_modules as the last step of an install: compare it with the lockfile. */
function missingFrom(have, dev) {
  if (!have) return 'all'
  const want = Object.entries(JSON.parse(readFileSync('package-lock.json', 'utf8')).packages)
  const absent = want.filter(
    ([path, { version, integrity, optional, devOptional }]) =>
      path !== '' &&
      (have[path] ? have[path].version !== version || have[path].integrity !== integrity : !optional && !devOptional),
  )
  if (absent.some(([path, { dev: forTests }]) => !forTests || have[path])) return 'all'
  return dev && absent.length > 0 ? 'dev' : undefined
}

function build() {
  const sources = hash([
    ...under('src'),
    'scripts/vendor.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
    'package-lock.json',
  ])
  if (existsSync('dist/cli/main.js') && stamped(stamp, sources)) return
  console.error('fairlead: building')
  rmSync('dist', { recursive: true, force: true })
  run('the build', projectNode(), ['node_modules/typescript/bin/tsc', '-p', 'tsconfig.build.json'])
  run('the build', projectNode(), ['scripts/vendor.mjs'])
  writeFileSync(stamp, sources)
}

function npm(args) {
  const all = [...args, '--no-audit', '--no-fund', '--loglevel=error']
  const cli = process.env.npm_execpath
  if (cli?.endsWith('.js')) run('npm', process.execPath, [cli, ...all])
  else run('npm', windows ? 'npm.cmd' : 'npm', all)
}

function run(what, command, args) {
  // npm's own settings and NODE_ENV would change what an install brings.
  const env = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^npm_(?!execpath)|^NODE_ENV$/i.test(name)),
  )
  const { status } = spawnSync(command, args, { stdio: ['ignore', 2, 2], env, shell: command.endsWith('.cmd') })
  if (status === 0) return
  rmSync(lock, { force: true })
  fail(`${what} failed`)
}

/** Runs one bootstrap at a time: `npm start` and `npm test` may be started together. */
function exclusively(work) {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' })
      break
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
      if (abandoned()) rmSync(lock, { force: true })
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200)
    }
  }
  try {
    work()
  } finally {
    rmSync(lock, { force: true })
  }
}

function abandoned() {
  try {
    process.kill(Number(readFileSync(lock, 'utf8')) || -1e9, 0)
    return false
  } catch (gone) {
    try {
      return gone.code === 'ESRCH' && Date.now() - statSync(lock).mtimeMs > 1000
    } catch {
      return false
    }
  }
}

function hash(files) {
  return files
    .reduce((sum, file) => sum.update(file).update('\0').update(readFileSync(file)).update('\0'), createHash('sha256'))
    .digest('hex')
}

function under(dir) {
  mkdirSync(dir, { recursive: true })
  return readdirSync(dir, { recursive: true })
    .map((file) => join(dir, file))
    .filter((file) => statSync(file).isFile())
    .sort()
}

function stamped(file, value) {
  return existsSync(file) && readFileSync(file, 'utf8') === value
}

function fail(message) {
  console.error(`fairlead: ${message}`)
  process.exit(1)
}
