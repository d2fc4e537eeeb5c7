import { join } from 'node:path'
import type { FairleadConfig } from '../config.ts'
import type { Platform } from '../platforms.ts'
import type { Deployment, ImagedArtifact } from './deployment.ts'
import { ecrBaseCredentials } from './ecr-base.ts'
import { imagePublisher } from './image-publisher.ts'
import { writeDockerContext } from './oci/docker.ts'
import { ecrCredentials, ecrRegistry } from './oci/ecr.ts'
import { pinnedBase } from './oci/lock.ts'
import { baseReference } from './oci/pin.ts'
import { planImage, type ImagePlan } from './oci/plan.ts'
import { pushImage } from './oci/push.ts'
import type { Place } from './preflight.ts'
import { megabytes, pushProgress } from './push-progress.ts'
import type { OpenAws } from './toolkit-clients.ts'

/** The images that a deployment runs. */
export interface DeploymentImages {
  images: NonNullable<Deployment['images']>
  /** What has to be pushed; nothing where Docker does it. */
  plans: ImagePlan[]
}

/** Which artifacts the platforms run in containers. */
export function imagedArtifacts({ platforms }: FairleadConfig, chosen: readonly Platform[]): ImagedArtifact[] {
  const server = chosen.some((name) => name === 'fargate' || (name === 'agentcore-runtime' && platforms[name]?.package === 'image')) // prettier-ignore
  const gateway = chosen.includes('agentcore-gateway') && platforms['agentcore-gateway']?.deployAs === 'fargate'
  return [...(server ? ['server' as const] : []), ...(gateway ? ['gateway' as const] : [])]
}

/**
 * Works out the image of each artifact that runs in a container; they go into the repository that `cdk bootstrap` makes. With
 * `docker` each is a folder that CDK builds by Docker. Asks no network. Throws IMAGE_BASE_UNPINNED and what `planImage` throws.
 */
export function imagesFor(
  { dir, config }: { dir: string; config: FairleadConfig },
  artifacts: Partial<Record<ImagedArtifact, { dir: string }>>,
  place: { account: string; region: string },
  docker: { outDir: string } | undefined,
): DeploymentImages {
  const made = Object.entries(artifacts)
  if (made.length === 0) return { images: {}, plans: [] }
  const base = pinnedBase(dir, { reference: baseReference(config) })
  const { account, region } = place
  const repository = `${ecrRegistry(account, region)}/${repositoryOf(place)}`
  const plans: ImagePlan[] = []
  const images = made.map(([name, { dir: artifactDir }]): [string, NonNullable<Deployment['images']>['server']] => {
    if (docker) return [name, { kind: 'docker', dir: writeDockerContext({ artifactDir, base, outDir: join(docker.outDir, 'images', name) }) }] // prettier-ignore
    const plan = planImage({ artifactDir, base })
    plans.push(plan)
    return [name, { kind: 'registry', repository, digest: plan.digest }]
  })
  return { images: Object.fromEntries(images), plans }
}

/** @see https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html (ContainerAssetsRepository) */
function repositoryOf({ account, region }: { account: string; region: string }): string {
  return `cdk-hnb659fds-container-assets-${account}-${region}`
}

/**
 * Pushes an image into the account. What is there already is left. Throws what `pushImage` throws, CREDENTIALS_EXPIRED,
 * AWS_DENIED, AWS_THROTTLED.
 */
export async function pushDeploymentImage(
  plan: ImagePlan,
  place: Place,
  { note, ...aws }: OpenAws & { note: (line: string) => void },
): Promise<void> {
  const { account, region } = place
  const { AWS_ENDPOINT_URL_ECR, AWS_ENDPOINT_URL } = process.env
  const endpoint = AWS_ENDPOINT_URL_ECR ?? AWS_ENDPOINT_URL
  const credentials = imagePublisher(aws, place)
  const readers = ecrBaseCredentials(plan.base.reference, aws.credentials)
  note(`image ${plan.digest}`)
  const { pushedBytes, mounted } = await pushImage(plan, {
    registry: ecrRegistry(account, region),
    repository: repositoryOf(place),
    credentials: ecrCredentials({ region, credentials, ...(endpoint ? { endpoint } : {}) }),
    ...(readers ? { from: { credentials: readers } } : {}),
    ...pushProgress(plan.baseLayers.length + 1, { note }),
  })
  note(pushedBytes === 0 ? '  it is there already' : `  ${megabytes(pushedBytes)} MB sent${mounted > 0 ? `, ${mounted} layers were there` : ''}`) // prettier-ignore
}
