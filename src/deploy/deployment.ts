import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Artifact } from '../build/artifact.ts'
import type { Project } from '../build/project.ts'
import { usesRequestState } from '../build/request-state.ts'
import type { FairleadConfig } from '../config.ts'
import { platformNames, type Platform } from '../platforms.ts'

/** The image that runs in a container: in a registry by digest, or a folder with a Dockerfile for who has Docker. */
export type ImagePlan = { kind: 'registry'; repository: string; digest: string } | { kind: 'docker'; dir: string }

/** What may run in a container. */
export type ImagedArtifact = 'server' | 'gateway'

/** In the repository of an image, where the account that deploys is not known yet. */
export const unknownAccount = '${AWS::AccountId}'

/** What is deployed, and where to: everything that synthesis needs, so that it needs no network. */
export interface Deployment {
  /** With the environment's part of the configuration applied. */
  project: Project
  /** A key of `environments`, or `default`. */
  environment: string
  /** Absent: the account that deploys. */
  account?: string
  region: string
  platforms: Platform[]
  artifacts: { server?: Artifact; authorizationService?: Artifact; gateway?: Artifact }
  /** Of the artifacts that run in containers. */
  images?: Partial<Record<ImagedArtifact, ImagePlan>>
}

/** The parts of a deployment: each is one stack. What several platforms have in common is a part of its own. */
export type Part = Platform | 'authorization' | 'edge'

/** Where CloudFront looks for its web ACLs and certificates. @see https://docs.aws.amazon.com/waf/latest/developerguide/cloudfront-features.html (read 2026-11-25) */
export const edgeRegion = 'us-east-1'

/** The stacks of a deployment, in the order in which they are deployed. */
export function partsOf({
  project: { config },
  platforms,
  region,
}: Pick<Deployment, 'project' | 'platforms' | 'region'>): Part[] {
  const chosen = platformNames.filter((name) => platforms.includes(name))
  const authorization = chosen.some((name) => needsAuthorization(config, name))
  const webAcl = (authorization && wantsWebAcl(config)) || (chosen.includes('agentcore-gateway') && gatewayWantsWebAcl(config)) // prettier-ignore
  return [
    ...(webAcl && region !== edgeRegion ? ['edge' as const] : []),
    ...(authorization ? ['authorization' as const] : []),
    ...chosen,
  ]
}

/** All that an environment may have, in the same order. */
export const everyPart: readonly Part[] = ['edge', 'authorization', ...platformNames]

/** Whether a part is a platform: the others serve several. */
export function isPlatform(part: Part): part is Platform {
  return part !== 'authorization' && part !== 'edge'
}

/** The region of a stack: a web ACL for CloudFront is in us-east-1, wherever the rest is. */
export function regionOf(part: Part, region: string): string {
  return part === 'edge' ? edgeRegion : region
}

/** Whether there is a web ACL: in front of fargate always, in front of lambda where `waf` says so. */
export function wantsWebAcl({ platforms }: FairleadConfig): boolean {
  return platforms.fargate !== undefined || platforms.lambda?.waf === true
}

/** Whether our own gateway has one: as tasks always, as a function where `waf` says so. */
export function gatewayWantsWebAcl({ platforms }: FairleadConfig): boolean {
  const gateway = platforms['agentcore-gateway']
  return gateway?.deployAs === 'fargate' || gateway?.lambda?.waf === true
}

/** Whether the gateway is the managed service. */
export function isManaged({ platforms }: FairleadConfig): boolean {
  return (platforms['agentcore-gateway']?.deployAs ?? 'managed') === 'managed'
}

/** Those of the platforms that need AgentCore in their region: our own gateway is a function or tasks. */
export function onAgentcore(config: FairleadConfig, platforms: readonly Platform[]): Platform[] {
  return platforms.filter((name) => name === 'agentcore-runtime' || (name === 'agentcore-gateway' && isManaged(config)))
}

/** Whether a platform's clients sign in at our authorization service, or at its user pool. */
export function needsAuthorization({ platforms }: FairleadConfig, platform: Platform): boolean {
  return platform === 'fargate' || (platform === 'lambda' && platforms.lambda?.auth === 'oauth')
}

/** `account-summary-prod-lambda`; that of `edge` says the region too, since those of several are beside each other. */
export function stackName(
  { project, environment, region }: Pick<Deployment, 'project' | 'environment' | 'region'>,
  part: Part,
): string {
  const name = `${project.config.name}-${environment}-${part}`
  return part === 'edge' ? `${name}-${region}` : name
}

/** Where a deployment keeps what its stacks tell each other: `/fairlead/account-summary/prod/…` in SSM. */
export function parameterPath({ project, environment }: Pick<Deployment, 'project' | 'environment'>): string {
  return `/fairlead/${project.config.name}/${environment}`
}

/** Whether a server needs FAIRLEAD_SECRET: its artifact says it. */
export function sealsRequests(artifactDir: string): boolean {
  return usesRequestState(readFileSync(join(artifactDir, 'index.js'), 'utf8'))
}
