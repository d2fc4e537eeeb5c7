import { Stack } from 'aws-cdk-lib'
import { Platform } from 'aws-cdk-lib/aws-ecr-assets'
import { ContainerImage, type TaskDefinition } from 'aws-cdk-lib/aws-ecs'
import type { Role } from 'aws-cdk-lib/aws-iam'
import type { ImagePlan } from '../deployment.ts'
import { allow } from './allow.ts'

/** The image that a task runs: a folder that Docker builds from, or one in a registry by its URI. */
export function taskImage(image: ImagePlan | string): ContainerImage {
  if (typeof image !== 'string' && image.kind === 'docker')
    return ContainerImage.fromAsset(image.dir, { platform: Platform.LINUX_ARM64 })
  return ContainerImage.fromRegistry(uriOf(image))
}

/** Lets ECS pull that image, where it is in ECR: other registries are public, or refuse, and CDK sees to its own. */
export function allowPull(task: TaskDefinition, image: ImagePlan | string): void {
  const [, account, region, name] =
    /^(.+?)\.dkr\.ecr\.([^./]+)\.amazonaws\.com(?:\.cn)?\/([^@:]+)/.exec(uriOf(image)) ?? []
  if (name === undefined) return
  const role = task.obtainExecutionRole() as Role
  allow(role, {
    actions: ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
    resources: [`arn:${Stack.of(task).partition}:ecr:${region}:${account}:repository/${name}`],
  })
  allow(role, { actions: ['ecr:GetAuthorizationToken'], resources: ['*'], wide: 'IAM has no resource for it.' })
}

function uriOf(image: ImagePlan | string): string {
  if (typeof image === 'string') return image
  return image.kind === 'docker' ? '' : `${image.repository}@${image.digest}`
}
