import { basename, dirname, extname, resolve } from 'node:path'
import { FairleadError } from '../../errors.ts'
import type { Bindings } from '../../gateway/bindings.ts'
import type { TargetDefinition } from '../../gateway/definitions/types.ts'
import type { InvokeFunction } from '../../gateway/targets/lambda.ts'
import { TargetFailure } from '../../gateway/tool.ts'
import { localAccount } from '../../platforms.ts'
import { startLocalFunction, type LocalFunction } from '../lambda/function.ts'

export interface LocalFunctions {
  invoke: InvokeFunction
  close(): Promise<void>
}

/** Runs the Lambda functions of a gateway's targets, by the bindings. Throws GATEWAY_BINDING for one that they do not name. */
export async function startLocalFunctions(
  targets: readonly TargetDefinition[],
  { functions = {}, dir }: Bindings,
  log: (line: string) => void,
): Promise<LocalFunctions> {
  const arns = new Set(targets.flatMap(({ targetConfiguration: { mcp } }) => mcp.lambda?.lambdaArn ?? []))
  const running = new Map<string, LocalFunction>()
  const close = async () => void (await Promise.all([...running.values()].map((each) => each.close())))
  try {
    for (const arn of arns) {
      const bound = Object.hasOwn(functions, arn) ? functions[arn] : undefined
      if (!bound)
        throw new FairleadError('GATEWAY_BINDING', `The bindings do not say where ${arn} runs here`, {
          fix: `Add to the bindings: "functions": { "${arn}": { "handler": "./index.mjs" } }`,
        })
      const file = resolve(dir, bound.handler)
      running.set(
        arn,
        await startLocalFunction({
          name: arn.split(':')[6]!,
          artifactDir: dirname(file),
          handler: `${basename(file, extname(file))}.handler`,
          ...(bound.memoryMb ? { memoryMb: bound.memoryMb } : {}),
          ...(bound.timeoutS ? { timeoutS: bound.timeoutS } : {}),
          ...(bound.env ? { env: bound.env } : {}),
          ...localAccount,
          log,
        }),
      )
    }
  } catch (error) {
    await close()
    throw error
  }
  return { invoke: invokeOf(running), close }
}

/** A client that has gone is not waited for. The function ends what it began, as on AWS; nothing of that is kept. */
function invokeOf(running: ReadonlyMap<string, LocalFunction>): InvokeFunction {
  return async (invocation) => {
    const { signal } = invocation
    let gone = () => {}
    const abandoned = new Promise<never>((_resolve, reject) => {
      gone = () => reject(new TargetFailure('CancelledException', 'the client went away'))
      signal.addEventListener('abort', gone, { once: true })
      if (signal.aborted) gone()
    })
    try {
      return await Promise.race([answerOf(running.get(invocation.arn)!, invocation), abandoned])
    } finally {
      signal.removeEventListener('abort', gone)
    }
  }
}

async function answerOf(
  fn: LocalFunction,
  { payload, clientContext, requestId }: Parameters<InvokeFunction>[0],
): ReturnType<InvokeFunction> {
  const answer = await fn
    .invoke({ payload, clientContext: asciiJson(clientContext), requestId })
    .catch((error: unknown) => {
      throw new TargetFailure(
        'LambdaException',
        error instanceof Error ? error.message : 'the function cannot be invoked',
        error,
      )
    })
  if (answer.kind === 'buffered') {
    const { payload: bytes, functionError } = answer
    return { payload: bytes, ...(functionError === undefined ? {} : { functionError }) }
  }
  const chunks: Uint8Array[] = []
  for await (const chunk of answer.body) chunks.push(chunk)
  const { error } = await answer.ended
  return { payload: Buffer.concat(chunks), ...(error ? { functionError: 'Unhandled' } : {}) }
}

/** The Runtime API gives it as a header, which is ASCII: JSON can say all of it so. */
function asciiJson(base64: string): string {
  return Buffer.from(base64, 'base64')
    .toString('utf8')
    .replaceAll(/[^\x20-\x7e]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`)
}
