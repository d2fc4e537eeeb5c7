import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { refused } from './refused.ts'
import type { Filled, StackFile } from './stack-file.ts'

interface Code {
  S3Bucket?: string
  S3Key?: string
  ZipFile?: string
}

/** The folder with what a function runs: an asset of CDK, or the path that AWS SAM uploads. Throws TEMPLATE_NOT_RUNNABLE. */
export function functionCode(stack: StackFile, { logicalId, properties }: Filled): string {
  const code = properties.Code as string | Code | undefined
  if (typeof code === 'string') return localFolder(stack, logicalId, code)
  if (code?.ZipFile !== undefined)
    throw refused(stack, logicalId, 'its code stands in the template', {
      why: 'What runs here is a folder with what fairlead build makes.',
      fix: 'Name the folder: CodeUri: ./server',
    })
  const { S3Bucket: bucket, S3Key: key = '' } = code ?? {}
  if (bucket !== undefined && !/(^|\/)[0-9a-f]{64}\.zip$/.test(key))
    throw refused(stack, logicalId, `its code is s3://${bucket}/${key}, and not on this machine`, {
      why: 'That is what `sam package` makes of a folder.',
      fix: 'Give the template from before, whose CodeUri is a folder.',
    })
  return stack.asset(key)
}

function localFolder(stack: StackFile, id: string, path: string): string {
  const dir = resolve(dirname(stack.file), path)
  if (existsSync(dir) && statSync(dir).isDirectory()) return dir
  throw refused(stack, id, `CodeUri ${path} is ${existsSync(dir) ? 'a file' : 'not there'}`, {
    why: 'The function runs the files of a folder beside the template.',
    fix: 'Name the folder, or write it again: fairlead synth --format sam',
  })
}

const extensions = ['.js', '.mjs', '.cjs']

/**
 * Refuses a handler of Node whose file is not in the folder. What the file exports, the function says when it starts.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
 */
export function requireHandler(stack: StackFile, { logicalId, properties }: Filled, dir: string): void {
  const handler = String(properties.Handler)
  const [, file] = /^((?:.*\/)?[^./]+)\.[^/]+$/.exec(handler) ?? []
  if (file !== undefined && extensions.some((each) => existsSync(join(dir, file + each)))) return
  const there = readdirSync(dir).filter((name) => /\.[mc]?[jt]s$/.test(name))
  const sources = file !== undefined && there.some((name) => /\.[mc]?ts$/.test(name) && name.startsWith(`${file}.`))
  const own = there.find((name) => name === 'index.js')
  throw refused(
    stack,
    logicalId,
    file === undefined
      ? `Handler ${handler} is not FILE.EXPORT`
      : `Handler ${handler}: there is no ${file}.js in its code`,
    {
      why: `Lambda looks for ${extensions.map((each) => (file ?? 'FILE') + each).join(', ')}. There is ${there.join(', ') || 'none'}.`,
      fix: sources
        ? 'Build it: sam build && fairlead dev --from-template .aws-sam/build/template.yaml'
        : own
          ? 'Write Handler: index.handler'
          : 'Correct Handler, or CodeUri.',
    },
  )
}
