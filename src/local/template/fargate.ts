import { FairleadError } from '../../errors.ts'
import type { DeployedService } from './deployed.ts'
import { requireReadable } from './role.ts'
import type { StackFile } from './stack-file.ts'

/** Where an artifact listens without PORT. */
const containerPort = 8000

interface Container {
  Image?: string
  Environment?: { Name: string; Value: string }[]
  Secrets?: { Name: string; ValueFrom: string }[]
  PortMappings?: { ContainerPort: number }[]
}

/**
 * The service of a stack, as the template has it; undefined where there is none. Its image runs what lies
 * beside the template, or the server's files of `codeOf`, which are in it. Throws TEMPLATE_NOT_RUNNABLE, SETTING_UNREADABLE.
 */
export async function serviceOf(
  stack: StackFile,
  codeOf: () => string | undefined,
): Promise<DeployedService | undefined> {
  const service = stack.resources.find(({ type }) => type === 'AWS::ECS::Service')
  const definition = stack.resources.find(({ type }) => type === 'AWS::ECS::TaskDefinition')
  const scaled = stack.resources.find(({ type }) => type === 'AWS::ApplicationAutoScaling::ScalableTarget')
  if (!service || !definition) return undefined
  const { Memory, TaskRoleArn, ExecutionRoleArn, ContainerDefinitions } = definition.properties as {
    Memory?: string
    TaskRoleArn?: string
    ExecutionRoleArn?: string
    ContainerDefinitions?: Container[]
  }
  const [container = {}] = ContainerDefinitions ?? []
  const artifactDir = stack.image(container.Image ?? '') ?? codeOf()
  if (artifactDir === undefined)
    throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${stack.file}: the files of the image are not beside it`, {
      why: 'An image is in a registry. fairlead synth puts what is in it beside the templates, in image.DIGEST.',
      fix: 'Synthesize again: fairlead synth, or run fairlead dev without --from-template.',
    })
  const { PORT, ...env } = Object.fromEntries((container.Environment ?? []).map(({ Name, Value }) => [Name, Value]))
  requireReached(stack, container, PORT)
  const secrets = Object.fromEntries(
    (container.Secrets ?? []).map(({ Name, ValueFrom }) => [`${Name}_FROM`, ValueFrom]),
  )
  await requireReadable(stack, TaskRoleArn ?? '', env)
  await requireReadable(stack, ExecutionRoleArn ?? '', secrets)
  return {
    artifactDir,
    env: { ...env, ...secrets },
    memoryMb: Number(Memory ?? 512),
    tasks: Number(service.properties.DesiredCount ?? scaled?.properties.MinCapacity ?? 1),
  }
}

/** Here each task has a port of its own; on AWS the load balancer calls the one that the container maps. Throws TEMPLATE_NOT_RUNNABLE. */
function requireReached({ file }: StackFile, { PortMappings = [] }: Container, port = String(containerPort)): void {
  const mapped = PortMappings.map(({ ContainerPort }) => String(ContainerPort))
  if (mapped.includes(port)) return
  throw new FairleadError(
    'TEMPLATE_NOT_RUNNABLE',
    `${file}: the server listens at ${port}, which no port is mapped to`,
    {
      why: `The container maps ${mapped.join(', ') || 'none'}, so the load balancer would not reach it.`,
      fix: `Map ${port}, or set PORT.`,
    },
  )
}
