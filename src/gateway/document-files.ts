import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { FairleadError } from '../errors.ts'
import { parseText } from './openapi/document.ts'
import { Refs } from './openapi/refs.ts'
import { loader } from './sources.ts'

/** The files that a document is made of: itself first, then those in its folder that it refers to. Throws GATEWAY_BINDING, GATEWAY_DOCUMENT. */
export async function documentFiles(file: string): Promise<{ root: string; paths: string[] }> {
  const address = pathToFileURL(file).href
  const read = loader(address, () => undefined)
  const paths = [file]
  const refs = new Refs(await parseText(textOf(file), file), address)
  await refs.load(async (ref) => {
    if (!ref.startsWith('file:')) throw new Error('it is no file')
    const text = await read(ref)
    paths.push(fileURLToPath(ref))
    return text
  })
  return { root: dirname(file), paths }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new FairleadError('GATEWAY_BINDING', `${file} cannot be read; the bindings name it`, { cause: error })
  }
}
