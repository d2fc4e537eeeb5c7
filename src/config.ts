/** A command that runs a server in any language. */
export interface Command {
  command: string
  args?: string[]
  env?: Record<string, string>
  /** Where it runs, from the project's folder. */
  cwd?: string
}

/** The three ways to bring a server. */
export type Server =
  | { kind: 'module'; entry: string }
  | ({ kind: 'stdio' } & Command)
  | ({ kind: 'http'; port?: number; path?: string } & Command)

export interface ToolConfig {
  /** Keys of `scopes` that a caller needs beside the base scopes. */
  scopes?: string[]
  timeoutMs?: number
  /**
   * Offers the tool as a task on fargate: long work outlives the request (extension io.modelcontextprotocol/tasks). Clients
   * that do not know tasks get the plain answer; with `required` they are refused.
   */
  task?: boolean | 'required'
}

export interface LambdaConfig {
  auth?: 'iam' | 'oauth'
  /** MB, 128 to 10,240; 1,024 by default. */
  memoryMb?: number
  /** Seconds, 1 to 900; 60 by default. */
  timeoutS?: number
  /** How many execution environments at once; 10 by default locally. */
  concurrency?: number
  /** For a server of kind `http` in Python: Lambda's own Python runs the command, for deploy. IAM only. */
  runtime?: LambdaRuntime
  /** The public name where `auth` is `oauth`, for deploy; its certificate is in us-east-1. */
  domain?: { name: string; certificateArn: string }
  /** A web ACL in front where `auth` is `oauth`, for deploy. */
  waf?: boolean
}

export type LambdaRuntime = 'python3.12' | 'python3.13' | 'python3.14'

/** Where a deployment goes, and what is different there. */
export interface EnvironmentConfig {
  account: string
  region: string
  /** Merged into the configuration: objects key by key, everything else whole. */
  config?: DeepPartial<Omit<FairleadConfig, 'name' | 'environments'>>
}

export type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> }
    : T

export interface FargateConfig {
  /** `stateless` by default; `stateful` keeps a server per `Mcp-Session-Id` for clients of the revisions with `initialize`. */
  sessions?: 'stateless' | 'stateful'
  /** How many tasks; 2 by default. */
  tasks?: number
  /** MB, 512 to 30,720; 1,024 by default. */
  memoryMb?: number
  /** An existing VPC, for deploy, with `subnetIds`. */
  vpcId?: string
  /** What the image stands on: a Node of 22 or later with a user 1000. `public.ecr.aws/docker/library/node:24-bookworm-slim` by default. */
  baseImage?: string
  /** Its private subnets with a way out, in two availability zones or more. */
  subnetIds?: string[]
  /**
   * The public name, for deploy. CloudFront takes a certificate of us-east-1; where the load balancer is elsewhere, one of the
   * same name and its own region gives the way between them TLS too.
   */
  domain?: { name: string; certificateArn: string; loadBalancerCertificateArn?: string }
}

/** An inbound JWT authorizer, in AWS's own JSON (`authorizerConfiguration` of CreateAgentRuntime and CreateGateway). */
export interface Jwt {
  customJWTAuthorizer: Record<string, unknown>
}

export interface AgentcoreRuntimeConfig {
  /** `iam` by default; never both. */
  auth?: 'iam' | Jwt
  /** Clients of 2026-07-28 name no session: a session for each request (`each`, as AWS does), or a shared pool. */
  modernSessions?: 'each' | 'pool'
  /** Seconds without a call after which a session ends, 60 to 28,800; 900 by default. */
  idleS?: number
  /** Seconds that a session lives at most, 60 to 28,800; 28,800 by default. */
  maxLifetimeS?: number
  /** How many sessions at once, locally; 50 by default. */
  maxSessions?: number
  /** Request headers that reach the server (`requestHeaderAllowlist`). */
  headers?: string[]
  /** What is deployed: the artifact itself under AWS's Node 22 (`code`, the default), or a container image. */
  package?: 'code' | 'image'
  /** With `package: 'image'`: what the image stands on, as `fargate` has it. */
  baseImage?: string
  /** An AgentCore Memory beside it, for deploy; its id comes to the server in FAIRLEAD_MEMORY_ID. */
  memory?: boolean | { eventExpiryDays?: number }
}

export interface AgentcoreGatewayConfig {
  /** A JSON file with the body of CreateGateway. */
  gateway: string
  /** JSON files with bodies of CreateGatewayTarget. */
  targets: string[]
  /** A JSON file with the facts that are local only. */
  bindings?: string
  /** Files with Cedar policies, such as `policies/*.cedar`: who may call which tool with which arguments. */
  policies?: string[]
  /** The managed service, or fairlead's own gateway as a function or as tasks. */
  deployAs?: 'managed' | 'lambda' | 'fargate'
  /** With `deployAs: 'lambda'`: of its function. `domain` and `waf` go with `CUSTOM_JWT`. */
  lambda?: Pick<LambdaConfig, 'memoryMb' | 'timeoutS' | 'concurrency' | 'domain' | 'waf'>
  /** With `deployAs: 'fargate'`: of its tasks. */
  fargate?: Omit<FargateConfig, 'sessions'>
}

export interface Scope {
  description: string
  /** The Cognito groups whose members get it; everyone who signs in when absent. */
  groups?: string[]
}

export interface OauthConfig {
  /** Whose tokens are accepted: those of our authorization service (the default), or Cognito's own. */
  verifier?: 'authorization-service' | 'cognito'
  /** Of access tokens; RS256 by default, since load balancers and API gateways of AWS verify nothing else. */
  alg?: 'RS256' | 'ES256'
  /** Clients that are known beforehand. `secretEnv` names the environment variable with the secret. */
  clients?: { id: string; redirectUris?: string[]; secretEnv?: string }[]
  /** An existing user pool, for deploy. */
  userPoolId?: string
}

/** What `fairlead dev` does beside running the server. */
export interface DevConfig {
  /** A module that stands in for AWS services: it prints one line, `{"url": "http://127.0.0.1:…"}`, and answers there. */
  standIn?: string
  /** The environment variables that give its address to the server, such as AWS_ENDPOINT_URL_COST_EXPLORER. */
  env?: string[]
}

export interface ObservabilityConfig {
  /** In CloudWatch, for each platform; with `false` there are none. */
  alarms?: boolean
  /** One for each platform; with `false` there is none. */
  dashboard?: boolean
  /** An SNS topic that is told of alarms. */
  alarmTopicArn?: string
}

export interface FairleadConfig {
  name: string
  /** Absent: a gateway only. */
  server?: Server
  /** IAM ARNs that may invoke: deploy grants them, dev enforces them. */
  callers?: string[]
  /** What the server's role may do. */
  permissions?: { actions: string[]; resources: string[] }[]
  /** Scopes of the server's tools; on the wire each is `name/key`. */
  scopes?: Record<string, Scope>
  /** Keys of `scopes` that the first challenge asks for. */
  baseScopes?: string[]
  tools?: Record<string, ToolConfig>
  oauth?: OauthConfig
  platforms: {
    lambda?: LambdaConfig
    fargate?: FargateConfig
    'agentcore-runtime'?: AgentcoreRuntimeConfig
    'agentcore-gateway'?: AgentcoreGatewayConfig
  }
  dev?: DevConfig
  /** What a deployed server says of its calls, and who watches it: all of it by default, nothing with `false`. */
  observability?: false | ObservabilityConfig
  /** Names of deployments: `fairlead deploy --env prod`. */
  environments?: Record<string, EnvironmentConfig>
}

/** Types a configuration; it is checked when a command reads it. */
export function defineConfig(config: FairleadConfig): FairleadConfig {
  return config
}
