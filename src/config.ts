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
  scopes?: string[]
  timeoutMs?: number
  task?: boolean
}

export interface LambdaConfig {
  auth?: 'iam' | 'oauth'
  /** MB, 128 to 10,240; 1,024 by default. */
  memoryMb?: number
  /** Seconds, 1 to 900; 60 by default. */
  timeoutS?: number
  /** How many execution environments at once; 10 by default locally. */
  concurrency?: number
}

/** What `fairlead dev` does beside running the server. */
export interface DevConfig {
  /** A module that stands in for AWS services: it prints one line, `{"url": "http://127.0.0.1:…"}`, and answers there. */
  standIn?: string
  /** The environment variables that give its address to the server, such as AWS_ENDPOINT_URL_COST_EXPLORER. */
  env?: string[]
}

export interface FairleadConfig {
  name: string
  /** Absent: a gateway only. */
  server?: Server
  /** IAM ARNs that may invoke: deploy grants them, dev enforces them. */
  callers?: string[]
  /** What the server's role may do. */
  permissions?: { actions: string[]; resources: string[] }[]
  tools?: Record<string, ToolConfig>
  platforms: { lambda?: LambdaConfig }
  dev?: DevConfig
}

/** Types a configuration; it is checked when a command reads it. */
export function defineConfig(config: FairleadConfig): FairleadConfig {
  return config
}
