import type { Project } from '../build/project.ts'
import type { Platform } from '../platforms.ts'
import type { Authorization } from './authorization.ts'
import type { Faults } from './faults.ts'
import type { RequestLog } from './requests.ts'
import type { IamIdentity, LocalEndpoint } from './state.ts'
import type { Deployed } from './template/deployed.ts'

/** What a platform is started with. */
export interface PlatformOptions {
  project: Project
  /** The platform that its calls are kept as; its own when absent. */
  as?: Platform
  /** The folder with the built artifact: index.js and package.json. */
  artifactDir: string
  /** 0 takes a free one. */
  port: number
  identities: IamIdentity[]
  /** What the server's process gets beside its platform's own variables. */
  env: Record<string, string>
  requests: RequestLog
  /** What guards it with OAuth; there when its configuration asks for that. */
  authorization?: Authorization
  /** What is broken on purpose; nothing when absent. */
  faults?: Faults
  /** What is run as a template says it; from the configuration when absent. */
  deployed?: Deployed
  log: (line: string) => void
}

/** A platform as the stack runs it. */
export interface RunningPlatform {
  endpoint: LocalEndpoint
  /** Takes a new artifact; calls in flight end on the old one. */
  replace(artifactDir: string): Promise<void>
  /** What it reads beside the artifact, when it reads something. Without it only a new artifact makes it another. */
  sources?: Sources
  close(): Promise<void>
}

/** Files beside the artifact. */
export interface Sources {
  /** Where they are, as far as is known. */
  folders(): readonly string[]
  /** Whether they are others than those that it runs with. */
  changed(): Promise<boolean>
}

/** Starts a platform on loopback. When it throws, nothing is left running. */
export type StartPlatform = (options: PlatformOptions) => Promise<RunningPlatform>
