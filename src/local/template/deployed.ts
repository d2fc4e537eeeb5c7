import type { GatewayFacts } from '../../adapters/gateway-artifact.ts'
import type { PolicyDocument } from '../../aws/permissions.ts'
import type { Jwt } from '../../config.ts'
import type { Policy } from '../../gateway/policies/policy.ts'
import type { GatewayDefinition, TargetDefinition } from '../../gateway/definitions/types.ts'

/** What a template says of a process: its files, its variables, and what its role may read. */
export interface DeployedProcess {
  /** The folder in the assembly that becomes the zip. */
  artifactDir: string
  env: Record<string, string>
}

export interface DeployedFunction extends DeployedProcess {
  /** Its file and what it is called there, for who is told that it does not start. */
  resource: string
  handler: string
  /** `python3.13`: the handler is a server behind the Lambda Web Adapter. */
  webRuntime?: string
  memoryMb: number
  timeoutS: number
  concurrency?: number
  auth: 'AWS_IAM' | 'NONE'
  mode: 'RESPONSE_STREAM' | 'BUFFERED'
  /** Whether CloudFront stands in front. */
  front: boolean
  /** Whether the process itself verifies tokens. */
  oauth: boolean
  policy: PolicyDocument
  /** Those of the first challenge, where they are not the server's own. */
  scopes?: readonly string[]
}

export interface DeployedService extends DeployedProcess {
  memoryMb: number
  tasks: number
}

export interface DeployedRuntime extends DeployedProcess {
  arn: string
  auth: 'iam' | Jwt
  idleS: number
  maxLifetimeS: number
  headers: string[]
  endpoints: string[]
  /** Those of the runtime and of its endpoints. */
  policy: PolicyDocument
}

export interface DeployedGateway {
  arn: string
  gateway: GatewayDefinition
  targets: TargetDefinition[]
  policy: PolicyDocument
  /** Cedar's, where it has a policy engine. */
  policies?: Policy[]
}

/** fairlead's own gateway: what it is as a process, and what its artifact says of it. */
export type DeployedOwnGateway = (DeployedFunction | DeployedService) & { facts: GatewayFacts }

/** What a deployment is, read from its templates. */
export interface Deployed {
  /** The file or folder that was read. */
  source: string
  /** Principals that some policy lets in: the local agent plays the first. */
  callers: string[]
  lambda?: DeployedFunction
  fargate?: DeployedService
  'agentcore-runtime'?: DeployedRuntime
  'agentcore-gateway'?: DeployedGateway | DeployedOwnGateway
}
