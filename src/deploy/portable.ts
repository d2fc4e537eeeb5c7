import { FairleadError } from '../errors.ts'
import { preflight } from '../gateway/open.ts'
import { readGatewayProject, type GatewayProject } from '../gateway/project.ts'
import type { Deployment } from './deployment.ts'

/**
 * Reads the definitions of a deployment's gateway and refuses what the managed service would refuse, before anything is made.
 * Throws GATEWAY_NOT_PORTABLE and what reading them throws.
 */
export async function portableGateway({ project }: Pick<Deployment, 'project'>): Promise<GatewayProject> {
  const definitions = readGatewayProject(project.config.platforms['agentcore-gateway']!, project.dir)
  const findings = await preflight(definitions.targets, definitions.bindings, definitions.policies)
  const refused = findings.filter((each) => each.refused)
  const [first] = refused
  if (!first) return definitions
  const more = refused.length === 1 ? '' : `, and ${refused.length - 1} more`
  throw new FairleadError(
    'GATEWAY_NOT_PORTABLE',
    `${[first.target, first.where].filter(Boolean).join(' ')}: ${first.problem}${more}`,
    {
      why: 'It is deployed as the managed gateway, which would refuse this.',
      fix: 'fairlead preflight lists all of it.',
    },
  )
}
