import { Stack } from 'aws-cdk-lib'
import type { CfnRuntime } from 'aws-cdk-lib/aws-bedrockagentcore'
import { DockerImageAsset, Platform } from 'aws-cdk-lib/aws-ecr-assets'
import type { Role } from 'aws-cdk-lib/aws-iam'
import { Asset } from 'aws-cdk-lib/aws-s3-assets'
import type { Construct } from 'constructs'
import { FairleadError } from '../../errors.ts'
import type { AgentcoreRuntimeMcpServerProps } from './agentcore-runtime-mcp-server.ts'
import { allow } from './allow.ts'

/**
 * What the runtime runs: the artifact itself, as a zip under AWS's Node 22 on arm64, or an image; and the role may read it.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-get-started-code-deploy.html (read 2026-11-22)
 */
export function packaged(
  scope: Construct,
  { config, artifact, image, role }: AgentcoreRuntimeMcpServerProps & { role: Role },
): CfnRuntime.AgentRuntimeArtifactProperty {
  if (config.platforms['agentcore-runtime']?.package === 'image') {
    if (!image) throw new FairleadError('IMAGE_MISSING', 'agentcore-runtime is to run an image, and there is none')
    return { containerConfiguration: { containerUri: containerUri(scope, image, role) } }
  }
  const code = new Asset(scope, 'Code', { path: artifact })
  const { partition } = Stack.of(scope)
  const object = `arn:${partition}:s3:::${code.s3BucketName}/${code.s3ObjectKey}`
  allow(role, { sid: 'Code', actions: ['s3:GetObject'], resources: [object] })
  return {
    codeConfiguration: {
      code: { s3: { bucket: code.s3BucketName, prefix: code.s3ObjectKey } },
      runtime: 'NODE_22',
      entryPoint: ['index.js'],
    },
  }
}

function containerUri(
  scope: Construct,
  image: NonNullable<AgentcoreRuntimeMcpServerProps['image']>,
  role: Role,
): string {
  if (image.kind === 'docker') {
    const asset = new DockerImageAsset(scope, 'Image', { directory: image.dir, platform: Platform.LINUX_ARM64 })
    allowPull(role, asset.repository.repositoryArn)
    return asset.imageUri
  }
  const [, account, region, name] =
    /^(.+?)\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/(\S+)$/.exec(image.repository) ?? []
  if (name === undefined)
    throw new FairleadError('IMAGE_MISSING', `AgentCore Runtime cannot run ${image.repository}`, {
      why: 'It pulls from Amazon ECR alone.',
    })
  allowPull(role, `arn:${Stack.of(scope).partition}:ecr:${region}:${account}:repository/${name}`)
  return `${image.repository}@${image.digest}`
}

function allowPull(role: Role, repositoryArn: string): void {
  allow(role, {
    sid: 'Image',
    actions: ['ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    resources: [repositoryArn],
  })
  const wide = 'IAM has no resource for it.'
  allow(role, { sid: 'Registry', actions: ['ecr:GetAuthorizationToken'], resources: ['*'], wide })
}
