import { build, type BuildOptions, type OutputFile, type Message } from 'esbuild'

/** What every artifact is bundled with: one ES module for Node 22 and newer, minified, the same bytes from the same sources. */
const settings = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22',
  minify: true,
  legalComments: 'none',
  write: false,
  logLevel: 'silent',
  // Packages that were written for CommonJS call require for Node's own modules.
  banner: {
    js: "import{createRequire as __fairleadRequire}from'node:module';const require=__fairleadRequire(import.meta.url);",
  },
} as const satisfies BuildOptions

/** Bundles an artifact from its first lines; what they import by name is found in `dir`. Throws esbuild's BuildFailure. */
export async function bundle(
  contents: string,
  dir: string,
  more: BuildOptions,
): Promise<{ code: string; warnings: Message[] }> {
  const { outputFiles, warnings } = await build({
    ...more,
    ...settings,
    stdin: { contents, resolveDir: dir, sourcefile: 'artifact.js', loader: 'js' },
    absWorkingDir: dir,
  })
  const [{ text }] = outputFiles as [OutputFile]
  return { code: text, warnings }
}
