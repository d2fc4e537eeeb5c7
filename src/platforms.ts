/** The four platforms, spelled the same in code, commands, docs and tests. */
export type Platform = 'lambda' | 'fargate' | 'agentcore-runtime' | 'agentcore-gateway'

export interface PlatformFacts {
  /** One line for a reader who chooses. */
  for: string
  /** Added to the base port of `fairlead dev`. */
  portOffset: number
  /** The SigV4 service name of its endpoint, where IAM can guard it. */
  service?: string
}

/**
 * What differs between the platforms.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html (service `lambda`), read 2026-11-22
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-mcp.html (service `bedrock-agentcore`), read 2026-11-22
 */
export const platforms = {
  lambda: { for: 'stateless, bursty tools', portOffset: 1, service: 'lambda' },
  fargate: { for: 'long-running, stateful, public servers', portOffset: 2 },
  'agentcore-runtime': {
    for: 'managed, one isolated session each',
    portOffset: 3,
    service: 'bedrock-agentcore',
  },
  'agentcore-gateway': {
    for: 'existing Lambdas, REST APIs and MCP servers as tools',
    portOffset: 4,
    service: 'bedrock-agentcore',
  },
} as const satisfies Record<Platform, PlatformFacts>

export const platformNames = Object.keys(platforms) as Platform[]

/** Where the local stack listens unless told otherwise: the control API; each platform adds its offset. */
export const basePort = 4100

/** What stands beside the platforms, added to the base port too. */
export const portOffsets = { authorizationService: 5, cognito: 6 } as const

/** The account and region that the local stack plays. */
export const localAccount = { accountId: '000000000000', region: 'us-east-1' } as const
