import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Writable } from 'node:stream'
import { isStreaming } from './streaming.ts'

export type Handler = (event: unknown, second: Writable, context: unknown) => unknown

/** An error of the runtime itself: its name is the error type that callers see. */
class RuntimeError extends Error {
  constructor(name: string, message: string) {
    super(message)
    this.name = `Runtime.${name}`
  }
}

/** Imports the module of `file.export` from the task root and finds the handler in it. */
export async function loadHandler(root: string, handler: string): Promise<Handler> {
  const [file = '', name = ''] = handler.split('.')
  const path = ['.js', '.mjs', '.cjs'].map((ending) => join(root, file + ending)).find((each) => existsSync(each))
  if (!path) throw new RuntimeError('ImportModuleError', `Error: Cannot find module '${file}'`)
  const module = await load(path)
  const found = module[name] ?? (module.default as Record<string, unknown> | undefined)?.[name]
  if (found === undefined) throw new RuntimeError('HandlerNotFound', `${handler} is undefined or not exported`)
  if (typeof found !== 'function') throw new RuntimeError('HandlerNotFound', `${handler} is not a function`)
  // Node 24 took callbacks away. @see https://docs.aws.amazon.com/lambda/latest/dg/nodejs-handler.html
  if (!isStreaming(found as Handler) && found.length >= 3)
    throw new RuntimeError(
      'CallbackHandlerDeprecated',
      'AWS Lambda has removed support for callback-based function handlers starting with Node.js 24.',
    )
  return found as Handler
}

async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>
  } catch (error) {
    if (error instanceof SyntaxError) throw new RuntimeError('UserCodeSyntaxError', String(error))
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ERR_MODULE_NOT_FOUND')
      throw new RuntimeError('ImportModuleError', String(error))
    throw error
  }
}
