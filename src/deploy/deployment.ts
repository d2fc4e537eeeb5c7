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

/** The parts of a deployment: each is one stack. */
export type Part = Platform | 'authorization'

/** The stacks of a deployment, in the order in which they are deployed. */
export function partsOf({ project: { config }, platforms }: Pick<Deployment, 'project' | 'platforms'>): Part[] {
  const chosen = platformNames.filter((name) => platforms.includes(name))
  return chosen.some((name) => needsAuthorization(config, name)) ? ['authorization', ...chosen] : chosen
}

/** Whether the gateway is the managed service. */
export function isManaged({ platforms }: FairleadConfig): boolean {
  return (platforms['agentcore-gateway']?.deployAs ?? 'managed') === 'managed'
}

/** Whether a platform's clients sign in at our authorization service, or at its user pool. */
export function needsAuthorization({ platforms }: FairleadConfig, platform: Platform): boolean {
  return platform === 'fargate' || (platform === 'lambda' && platforms.lambda?.auth === 'oauth')
}

/** `account-summary-prod-lambda`. */
export function stackName({ project, environment }: Pick<Deployment, 'project' | 'environment'>, part: Part): string {
  return `${project.config.name}-${environment}-${part}`
}

/** Where a deployment keeps what its stacks tell each other: `/fairlead/account-summary/prod/…` in SSM. */
export function parameterPath({ project, environment }: Pick<Deployment, 'project' | 'environment'>): string {
  return `/fairlead/${project.config.name}/${environment}`
}

/** Whether a server needs FAIRLEAD_SECRET: its artifact says it. */
export function sealsRequests(artifactDir: string): boolean {
  return usesRequestState(readFileSync(join(artifactDir, 'index.js'), 'utf8'))
}
