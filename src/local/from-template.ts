import type { Project } from '../build/project.ts'
import type { FairleadConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { gatewayOf } from './template/agentcore-gateway.ts'
import { runtimeOf } from './template/agentcore-runtime.ts'
import type { Deployed } from './template/deployed.ts'
import { serviceOf } from './template/fargate.ts'
import { functionOf } from './template/lambda.ts'
import { isOwnGateway, ownGatewayOf } from './template/own-gateway.ts'
import { readStacks, type StackFile } from './template/stack-file.ts'

/** A project as its templates deploy it. */
export interface TemplateProject {
  project: Project
  deployed: Deployed
}

/**
 * Reads what a deployment is from a synthesized template, or from the folder with all of them, and gives the project that runs
 * it here: its settings, its policies and its files are the template's, so that a mistake in the template fails here as it
 * would on AWS. Throws TEMPLATE_UNREADABLE, TEMPLATE_NOT_RUNNABLE, SETTING_UNREADABLE.
 */
export async function fromTemplate(project: Project, path: string): Promise<TemplateProject> {
  const read = await readStacks(path)
  const all = read.filter((stack) => !isAuthorization(stack))
  const stacks = all.filter((stack) => !isOwnGateway(stack))
  const deployed: Deployed = { source: path, callers: [] }
  const code = () => deployed.lambda?.artifactDir ?? deployed['agentcore-runtime']?.artifactDir
  await first(
    stacks,
    (each) => functionOf(each, project.config.name),
    (found) => (deployed.lambda = found),
  )
  await first(
    stacks,
    (each) => runtimeOf(each, code),
    (found) => (deployed['agentcore-runtime'] = found),
  )
  await first(
    stacks,
    (each) => serviceOf(each, code),
    (found) => (deployed.fargate = found),
  )
  await first(
    all,
    async (each) => (await gatewayOf(each)) ?? (await ownGatewayOf(each, project.config.name)),
    (found) => (deployed['agentcore-gateway'] = found),
  )
  const platforms = platformsOf(project, deployed)
  if (Object.keys(platforms).length === 0)
    throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${path} has nothing that runs here`, {
      why:
        all.length === 0
          ? 'It is the authorization service alone, and here the local one stands in for it.'
          : 'It has no function behind a function URL, no runtime, no gateway and no service.',
    })
  deployed.callers = callersOf(deployed)
  return { project: { ...project, config: { ...project.config, platforms } }, deployed }
}

async function first<T>(
  stacks: readonly StackFile[],
  read: (stack: StackFile) => Promise<T | undefined>,
  take: (found: T) => void,
): Promise<void> {
  for (const stack of stacks) {
    const found = await read(stack).catch((error: unknown) => {
      throw error instanceof FairleadError ? error : oddlyFormed(stack, error)
    })
    if (found !== undefined) return take(found)
  }
}

/** A part that is not of the form that CloudFormation takes, met where it is read. */
function oddlyFormed({ file }: StackFile, error: unknown): FairleadError {
  const said = error instanceof Error ? error.message : String(error)
  return new FairleadError('TEMPLATE_NOT_RUNNABLE', `${file}: a part of it has another form than expected: ${said}`, {
    why: 'A list stands where a text belongs, or the like. CloudFormation would not take the template either.',
    fix: 'Correct it (cfn-lint names such parts), or synthesize again: fairlead synth',
    cause: error,
  })
}

/** The local stack has an authorization service of its own, over the local Cognito. */
function isAuthorization({ resources }: StackFile): boolean {
  return resources.some(({ type }) => type === 'AWS::Cognito::UserPool')
}

/** The configuration that the template is: what is not in it does not run. */
function platformsOf({ config }: Project, deployed: Deployed): FairleadConfig['platforms'] {
  const { lambda, fargate, 'agentcore-runtime': runtime, 'agentcore-gateway': gateway } = deployed
  return {
    ...(lambda
      ? {
          lambda: {
            auth: lambda.oauth ? ('oauth' as const) : ('iam' as const),
            memoryMb: lambda.memoryMb,
            timeoutS: lambda.timeoutS,
            ...(lambda.concurrency === undefined ? {} : { concurrency: lambda.concurrency }),
          },
        }
      : {}),
    ...(fargate ? { fargate: { ...config.platforms.fargate, tasks: fargate.tasks, memoryMb: fargate.memoryMb } } : {}),
    ...(runtime
      ? {
          'agentcore-runtime': {
            ...config.platforms['agentcore-runtime'],
            auth: runtime.auth,
            idleS: runtime.idleS,
            maxLifetimeS: runtime.maxLifetimeS,
            headers: runtime.headers,
          },
        }
      : {}),
    ...(gateway ? { 'agentcore-gateway': config.platforms['agentcore-gateway'] ?? { gateway: '', targets: [] } } : {}),
  }
}

function callersOf(deployed: Deployed): string[] {
  const policies = [deployed.lambda, deployed['agentcore-runtime'], deployed['agentcore-gateway']].map((each) =>
    each && 'policy' in each ? each.policy : undefined,
  )
  const found = policies
    .flatMap((policy) => policy?.Statement ?? [])
    .flatMap(({ Principal }) => [Principal?.AWS ?? []].flat())
  return [...new Set(found)].filter((arn) => typeof arn === 'string' && arn.startsWith('arn:'))
}
