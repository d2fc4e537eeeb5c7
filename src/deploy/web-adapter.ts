import { FairleadError } from '../errors.ts'

/**
 * The layer of the Lambda Web Adapter 1.1.0 for arm64. It is published in the regions of the partition aws; in China for
 * x86_64 alone.
 * @see https://github.com/aws/aws-lambda-web-adapter/blob/main/docs/guide/src/getting-started/zip-packages.md (read 2026-11-25)
 */
const layer = { account: '753240598075', name: 'LambdaAdapterLayerArm64', version: 30 } as const

/**
 * The ARN of the Lambda Web Adapter in a region, which may be a token of CDK or a pseudo parameter. Throws DEPLOY_REGION where it is not published.
 */
export function webAdapterArn(region: string): string {
  if (/^(cn|us-gov|us-iso|eusc)-/.test(region))
    throw new FairleadError('DEPLOY_REGION', `The Lambda Web Adapter is not published for arm64 in ${region}`, {
      why: '`platforms.lambda.runtime` needs it: it stands between Lambda and a server in Python.',
      fix: 'Take another region, or fargate.',
    })
  return `arn:aws:lambda:${region}:${layer.account}:layer:${layer.name}:${layer.version}`
}

/**
 * How the adapter finds what stands before the server, that it streams, and where the server listens. It waits until the port
 * answers, so that a server needs no page for it; 3000 and 9001 are taken on Lambda.
 * @see https://awslabs.github.io/aws-lambda-web-adapter/configuration/environment-variables.html (read 2026-11-25)
 */
export function webAdapterEnvironment(port = 8080): Record<string, string> {
  return {
    AWS_LAMBDA_EXEC_WRAPPER: '/opt/bootstrap',
    AWS_LWA_INVOKE_MODE: 'response_stream',
    AWS_LWA_PORT: String(port === 8081 ? 8082 : 8081),
    AWS_LWA_READINESS_CHECK_PROTOCOL: 'tcp',
    PORT: String(port),
  }
}
