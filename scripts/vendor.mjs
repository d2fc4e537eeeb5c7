// After the compiler: puts dynalite and what it needs into dist, without the on-disk store that has an install script, so
// that users install none of it; puts what signs in into one file; copies what is Python; and makes the artifact of the
// authorization service.
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { build } from 'esbuild'

await vendor('dist/local/dynamodb/dynalite.js', {
  name: 'in memory only',
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /^level$/ }, () => ({ path: 'level', namespace: 'absent' }))
    onLoad({ filter: /.*/, namespace: 'absent' }, () => ({ contents: 'exports.Level = undefined' }))
    // It requires its actions by name alone; a bundler finds them by their files' names.
    onLoad({ filter: /[\\/]dynalite[\\/].*\.js$/ }, ({ path }) => ({
      contents: readFileSync(path, 'utf8')
        .replace(/require\((['"][^'"]*\/['"]) \+ (\w+)\)/g, "require($1 + $2 + '.js')")
        // Node warns of url.parse each time a program begins to use it.
        .replace(
          'url.parse(req.url, true).query',
          "Object.fromEntries(new URL(req.url, 'http://127.0.0.1').searchParams)",
        ),
    }))
  },
})
await vendor('dist/auth/oauth-client/sdk.js', {
  name: 'no JSON Schema',
  setup: ({ onLoad }) =>
    // Who signs in validates no tool's answers.
    onLoad({ filter: /[\\/]client[\\/]dist[\\/]ajvProvider-/ }, ({ path }) => ({
      contents:
        readFileSync(path, 'utf8')
          .match(/^export \{.*\}/m)[0]
          .replaceAll(/(\w+) as (\w+)/g, 'none as $2') + '\nconst none = class {}',
    })),
})

// What stands before a server in Python.
copyFileSync('src/build/localhost.py', 'dist/build/localhost.py')

// The authorization service is the same for every project: it is bundled once, here.
const { buildAuthorizationService } = await import('../dist/build/authorization-service.js')
await buildAuthorizationService('dist/artifacts/authorization-service')

/** Puts what a file needs into the file, and the licences of it beside the file. */
async function vendor(file, plugin) {
  const { metafile } = await build({
    entryPoints: [file],
    outfile: file,
    allowOverwrite: true,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    metafile: true,
    logLevel: 'warning',
    banner: { js: "import { createRequire } from 'node:module'\nconst require = createRequire(import.meta.url)" },
    plugins: [plugin],
  })
  writeFileSync(join(dirname(file), 'LICENSES.txt'), licenses(Object.keys(metafile.inputs)))
}

/** The licence of each package that went in, as it was given. */
function licenses(inputs) {
  const names = inputs.flatMap((path) => /^node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.slice(1) ?? [])
  return [...new Set(names)]
    .toSorted((a, b) => a.localeCompare(b))
    .map((name) => {
      const { version, license } = JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8'))
      const text = readdirSync(`node_modules/${name}`).find((each) => /^licen[cs]e/i.test(each))
      return `${name} ${version} (${license})\n\n${text ? readFileSync(`node_modules/${name}/${text}`, 'utf8') : ''}`
    })
    .join('\n----\n\n')
}
