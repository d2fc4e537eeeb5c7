import { FairleadError } from '../errors.ts'
import { look } from './look.ts'
import { isEmpty, stackState } from './stack-state.ts'
import type { AwsClients } from './toolkit-clients.ts'

interface Named {
  name: string
  template: object
}

export interface InUse {
  /** Stacks that take what another gives up, and no longer do: they are deployed before it. */
  first: string[]
  /** Where that cannot be: what a stack gives up is still taken. */
  refusals: FairleadError[]
  /** The templates that are deployed now, by stack. */
  deployed: ReadonlyMap<string, object>
}

/**
 * Finds what deployed stacks take from others that give it up now, such as a web ACL that is left out: CloudFormation keeps an
 * export for as long as a stack imports it. Reads templates alone.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-stack-exports.html (read 2026-11-25)
 */
export async function inUse(
  clients: AwsClients,
  planned: readonly Named[],
  every: readonly { name: string; region: string }[],
): Promise<InUse> {
  const given = new Map(planned.map((each) => [each.name, each.template]))
  const deployed = new Map<string, object>()
  for (const { name, region } of every) {
    const template = await deployedTemplate(clients, name, region)
    if (template) deployed.set(name, template)
  }
  const offered = [...deployed.values()].flatMap(exportsOf)
  const first: string[] = []
  const refusals: FairleadError[] = []
  for (const { name, template } of planned) {
    const lost = exportsOf(deployed.get(name) ?? {}).filter((each) => !exportsOf(template).includes(each))
    for (const [taker, now] of deployed) {
      if (taker === name || !importsOf(now).some((each) => lost.includes(each))) continue
      const next = given.get(taker)
      if (next && importsOf(next).every((each) => offered.includes(each) && !lost.includes(each))) first.push(taker)
      else refusals.push(stillTaken(name, taker, next !== undefined))
    }
  }
  return { first: [...new Set(first)], refusals, deployed }
}

function stillTaken(giver: string, taker: string, isDeployed: boolean): FairleadError {
  return new FairleadError('STACK_IN_USE', `${giver} gives up what ${taker} takes from it`, {
    fix: isDeployed
      ? `Destroy ${taker} first (fairlead destroy --platform NAME), then deploy again. It gets a new URL.`
      : 'Deploy both together: leave --platform out. If its platform is not in the configuration any more: fairlead destroy',
  })
}

/** Undefined too where the caller may not look: CloudFormation tells it then. */
async function deployedTemplate(clients: AwsClients, name: string, region: string): Promise<object | undefined> {
  const cloudFormation = clients('cloudformation', region)
  return look(`Reading ${name}`, async () => {
    const found = await stackState(cloudFormation, name)
    if (!found || isEmpty(found.state)) return undefined
    const { TemplateBody: body = '{}' } = await cloudFormation.getTemplate({ StackName: name, TemplateStage: 'Original' }) // prettier-ignore
    return JSON.parse(body) as object
  })
}

function exportsOf(template: object): string[] {
  const { Outputs: outputs = {} } = template as { Outputs?: Record<string, { Export?: { Name?: unknown } }> }
  return Object.values(outputs).flatMap(({ Export: exported }) => (typeof exported?.Name === 'string' ? [exported.Name] : [])) // prettier-ignore
}

function importsOf(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const { 'Fn::ImportValue': name } = value as Record<string, unknown>
  return typeof name === 'string' ? [name] : Object.values(value).flatMap(importsOf)
}
