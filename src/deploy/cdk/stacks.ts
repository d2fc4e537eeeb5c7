import type { App, Stack, StackProps } from 'aws-cdk-lib'
import type { GatewayProject } from '../../gateway/project.ts'
import type { Deployment, Part } from '../deployment.ts'
import { agentcoreGatewayStack } from './agentcore-gateway-stack.ts'
import { agentcoreRuntimeStack } from './agentcore-runtime-stack.ts'
import { authorizationStack } from './authorization-stack.ts'
import { edgeStack } from './edge-stack.ts'
import { fargateStack } from './fargate-stack.ts'
import { lambdaStack } from './lambda-stack.ts'

/** What the stack of the authorization service gives to those behind it. */
export interface Authorization {
  /** `https://…`, with no slash at its end. */
  issuer: string
  /** The ids of the app clients, where clients sign in at Cognito itself. */
  clients?: string[]
  /** Then its pool too: it must know each server as a resource. */
  userPoolId?: string
  /** Of the web ACL that the distributions of the environment share. */
  webAclArn?: string
}

export interface MadeStack {
  stack: Stack
  /** Given by `authorization` alone. */
  authorization?: Authorization
}

export interface StackRequest {
  /** The id and name of the stack. */
  name: string
  deployment: Deployment
  /** Environment, description and tags. */
  props: StackProps
  /** Made before, where a platform's clients sign in. */
  authorization?: Authorization
  /** Of a managed gateway: read, and found to be portable. */
  definitions?: GatewayProject
}

export type MakeStack = (app: App, request: StackRequest) => MadeStack

/** How each part of a deployment becomes a stack. */
export const stacks: Record<Part, MakeStack> = {
  edge: edgeStack,
  authorization: authorizationStack,
  lambda: lambdaStack,
  fargate: fargateStack,
  'agentcore-runtime': agentcoreRuntimeStack,
  'agentcore-gateway': agentcoreGatewayStack,
}
