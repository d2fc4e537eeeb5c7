import { join } from 'node:path'
import type { Credentials } from '../auth/sigv4/credentials.ts'
import type { FairleadConfig } from '../config.ts'
import type { Platform } from '../platforms.ts'
import type { Deployment } from './deployment.ts'
import { writeDockerContext } from './oci/docker.ts'
import { ecrCredentials, ecrRegistry } from './oci/ecr.ts'
import { pinnedBase } from './oci/lock.ts'
import { baseReference } from './oci/pin.ts'
import { planImage, type ImagePlan } from './oci/plan.ts'
import { pushImage } from './oci/push.ts'

/** An image that a deployment runs. */
export interface DeploymentImage {
  image: NonNullable<Deployment['image']>
  /** What has to be pushed; absent where Docker does it. */
  plan?: ImagePlan
}

/** Whether one of the platforms runs an image. */
export function needsImage({ platforms }: FairleadConfig, chosen: readonly Platform[]): boolean {
  return chosen.some((name) => name === 'fargate' || (name === 'agentcore-runtime' && platforms[name]?.package === 'image')) // prettier-ignore
}

/**
 * Works out the image of an artifact, which goes into the repository that `cdk bootstrap` makes. With `docker` it is a folder
 * that CDK builds by Docker. Asks no network. Throws IMAGE_BASE_UNPINNED and what `planImage` throws.
 */
export function imageFor(
  { dir, config }: { dir: string; config: FairleadConfig },
  artifactDir: string,
  place: { account: string; region: string },
  docker: { outDir: string } | undefined,
): DeploymentImage {
  const base = pinnedBase(dir, { reference: baseReference(config) })
  if (docker) return { image: { kind: 'docker', dir: writeDockerContext({ artifactDir, base, outDir: join(docker.outDir, 'image') }) } } // prettier-ignore
  const plan = planImage({ artifactDir, base })
  const { account, region } = place
  const repository = `${ecrRegistry(account, region)}/${repositoryOf(place)}`
  return { image: { kind: 'registry', repository, digest: plan.digest }, plan }
}

/** @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html (ContainerAssetsRepository) */
function repositoryOf({ account, region }: { account: string; region: string }): string {
  return `cdk-hnb659fds-container-assets-${account}-${region}`
}

/** Pushes an image into the account. What is there already is left. Throws what `pushImage` throws. */
export async function pushDeploymentImage(
  plan: ImagePlan,
  place: { account: string; region: string },
  { credentials, note }: { credentials: () => Promise<Credentials>; note: (line: string) => void },
): Promise<void> {
  const { account, region } = place
  const { AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL } = process.env
  const endpoint = AWS_ENDPOINT_URL_ECR ?? AWS_ENDPOINT_URL
  note(`image ${plan.digest}`)
  const { pushedBytes, mounted } = await pushImage(plan, {
    registry: ecrRegistry(account, region),
    repository: repositoryOf(place),
    credentials: ecrCredentials({ region, credentials, ...(endpoint ? { endpoint } : {}) }),
  })
  note(pushedBytes === 0 ? '  it is there already' : `  ${(pushedBytes / 1e6).toFixed(1)} MB sent${mounted > 0 ? `, ${mounted} layers were there` : ''}`) // prettier-ignore
}
