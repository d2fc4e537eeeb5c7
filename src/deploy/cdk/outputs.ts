import { CfnOutput, type Stack } from 'aws-cdk-lib'

/** What the commands read of a stack; a value that is undefined is left out. */
export interface Outputs {
  /** The MCP endpoint. */
  Url?: string
  Auth?: 'iam' | 'oauth' | 'jwt' | 'none'
  /** The SigV4 service name, where IAM guards. */
  Service?: string
  LogGroup?: string
  FunctionArn?: string
  RuntimeArn?: string
  GatewayId?: string
  GatewayArn?: string
  ClusterArn?: string
  ServiceArn?: string
  DistributionId?: string
  /** Where the name of one's own must point to. */
  DomainTarget?: string
  /** Of `edge`. */
  WebAclArn?: string
  Issuer?: string
  UserPoolId?: string
  TableName?: string
  /** Of an AgentCore Memory. */
  MemoryId?: string
  /** `id=client id`, where Cognito makes the ids up. */
  Clients?: string
  /** `id=ARN` of the secrets of clients. */
  ClientSecrets?: string
}

/** Writes the outputs of a stack. */
export function addOutputs(stack: Stack, outputs: { [K in keyof Outputs]: Outputs[K] | undefined }): void {
  for (const [key, value] of Object.entries(outputs)) if (value !== undefined) new CfnOutput(stack, key, { value })
}
