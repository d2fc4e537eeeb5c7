import { PolicyStatement } from 'aws-cdk-lib/aws-iam'
import type { TaskDefinition } from 'aws-cdk-lib/aws-ecs'
import { Stack } from 'aws-cdk-lib'
import { acknowledge } from './acknowledge.ts'

/** Lets ECS pull an image by its URI, where it is in ECR; other registries are public, or refuse. */
export function pullFrom(uri: string, task: TaskDefinition): void {
  const [, account, region, name] = /^([^./]+)\.dkr\.ecr\.([^./]+)\.amazonaws\.com(?:\.cn)?\/([^@:]+)/.exec(uri) ?? []
  if (name === undefined) return
  const role = task.obtainExecutionRole()
  const grant = (actions: string[], resource: string) =>
    role.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [resource] }))
  const { partition } = Stack.of(task)
  grant(
    ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage'],
    `arn:${partition}:ecr:${region}:${account}:repository/${name}`,
  )
  grant(['ecr:GetAuthorizationToken'], '*')
  acknowledge(role, { 'IAM5[Resource::*]': 'ecr:GetAuthorizationToken takes no narrower resource.' })
}
