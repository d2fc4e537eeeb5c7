import { FairleadError } from '../../errors.ts'
import type { StackFile } from './stack-file.ts'

interface Given {
  Runtime?: string
  Layers?: readonly unknown[]
}

const wrapper = '/opt/bootstrap'

/**
 * The runtime of a function that is a server behind the Lambda Web Adapter; undefined for Node's own, which need none. Throws
 * TEMPLATE_NOT_RUNNABLE for what is neither, and where the layer with the adapter is not there.
 */
export function webRuntimeOf(
  { file }: StackFile,
  { Runtime: runtime, Layers: layers = [] }: Given,
  env: Record<string, string>,
): string | undefined {
  if (runtime?.startsWith('nodejs')) return undefined
  if (!runtime?.startsWith('python') || env.AWS_LAMBDA_EXEC_WRAPPER !== wrapper)
    throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: ${runtime ?? 'an image'} is not run here`, {
      why: `The local Lambda has the runtimes of Node, and Python's with a server behind the Lambda Web Adapter: AWS_LAMBDA_EXEC_WRAPPER is ${wrapper}.`,
      fix: 'fairlead dev runs the command itself, without --from-template.',
    })
  if (!layers.some((arn) => /:layer:LambdaAdapterLayer\w+:\d+$/.test(String(arn))))
    throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: no layer of the function has ${wrapper}`, {
      why: 'AWS_LAMBDA_EXEC_WRAPPER names it, and the layer of the Lambda Web Adapter brings it.',
      fix: 'Give the function the layer that fairlead synth writes: arn:aws:lambda:REGION:753240598075:layer:LambdaAdapterLayerArm64:30',
    })
  return runtime
}
