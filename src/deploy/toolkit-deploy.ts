import { FairleadError } from '../errors.ts'
import { asAwsError } from './aws-error.ts'
import { hintFor } from './failure-hints.ts'
import type { DeployHost, ResourceStep } from './toolkit-host.ts'
import type { PlannedChange, Verb } from './toolkit-plan.ts'
import type { OpenToolkit } from './toolkit.ts'

export interface DeployedStack {
  name: string
  outputs: Record<string, string>
}

/** How often CloudFormation is asked, in milliseconds, unless somebody says otherwise. */
const everyMs = 2000

/**
 * Deploys the stacks of an assembly, each after the ones that it needs, by change sets. A resource that fails is named with
 * its reason; what CloudFormation did of that stack it undoes. `only` names some of them. Throws DEPLOY_FAILED, QUOTA_EXCEEDED, DATA_AT_RISK,
 * CREDENTIALS_EXPIRED, AWS_DENIED, AWS_THROTTLED, UNREACHABLE.
 */
export async function deployStacks(
  { toolkit, library }: OpenToolkit,
  dir: string,
  { failures, atRisk, unbuilt }: DeployHost,
  pollMs = everyMs,
  only?: readonly string[],
): Promise<DeployedStack[]> {
  try {
    const { stacks } = await toolkit.deploy(await toolkit.fromAssemblyDirectory(dir), {
      ...(only ? { stacks: { patterns: [...only], strategy: library.StackSelectionStrategy.PATTERN_MUST_MATCH } } : {}),
      deploymentMethod: { method: 'change-set', changeSetName: 'fairlead' },
      stackEventPollingInterval: pollMs,
    })
    return stacks.map(({ stackName, outputs }) => ({ name: stackName, outputs }))
  } catch (error) {
    if (atRisk.length > 0) throw atRiskError(atRisk, error)
    throw failures[0] ? failed(failures[0], error) : asAwsError(withReason(error as Error, unbuilt), 'The deployment')
  }
}

/** Destroys the stacks of an assembly, the other way round. Throws as `deployStacks` does. */
export async function destroyStacks(
  { toolkit }: OpenToolkit,
  dir: string,
  { failures }: DeployHost,
  pollMs = everyMs,
): Promise<void> {
  try {
    await toolkit.destroy(await toolkit.fromAssemblyDirectory(dir), { stackEventPollingInterval: pollMs })
  } catch (error) {
    throw failures[0] ? failed(failures[0], error) : asAwsError(error, 'Destroying')
  }
}

/** Makes CDK's own bucket, roles and repository in an account and region. */
export async function bootstrap(
  { toolkit, library }: OpenToolkit,
  { account, region }: { account: string; region: string },
): Promise<void> {
  try {
    await toolkit.bootstrap(library.BootstrapEnvironments.fromList([`aws://${account}/${region}`]))
  } catch (error) {
    throw asAwsError(error, 'Preparing the account for CDK')
  }
}

/** The toolkit's error names the image that was not built; why comes as a message. Docker alone builds. */
function withReason(error: Error, [why]: readonly string[]): Error {
  if (why === undefined || !error.message.startsWith('Failed to build asset')) return error
  return Object.assign(new Error(why, { cause: error }), { code: 'PROCESS_FAILED' })
}

/** What is said of a resource that failed: which, why, and what helps. */
export function failed(
  { stack, type, id, state, reason = 'CloudFormation gives no reason.' }: ResourceStep,
  cause?: unknown,
): FairleadError {
  // prettier-ignore
  const { fix, code = 'DEPLOY_FAILED' } = hintFor(reason, { stack, type })
  const verb = state.startsWith('DELETE') ? 'deleted' : state.startsWith('UPDATE') ? 'changed' : 'made'
  return new FairleadError(code, `${id} (${type}) of ${stack} could not be ${verb}`, {
    why: reason,
    ...(fix ? { fix } : {}),
    cause,
  })
}

/** What stays in the account and is in no stack any more is lost sight of. */
const losing: Partial<Record<Verb, string>> = { keep: 'let go of', remove: 'delete', 'may-replace': 'perhaps replace' }

/** Refuses what would lose data. */
export function atRiskError(changes: readonly PlannedChange[], cause?: unknown): FairleadError {
  const said = changes.map(({ verb, id, type, properties = [] }) => `${losing[verb] ?? verb} ${id} (${type}${properties.length > 0 ? `: ${properties.join(', ')}` : ''})`) // prettier-ignore
  return new FairleadError('DATA_AT_RISK', `This would ${said.join(', ')}`, { cause })
}
