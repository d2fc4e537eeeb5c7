import * as z from 'zod'
import { isForwardable } from './aws/agentcore-runtime.ts'

const command = {
  command: z.string().min(1),
  args: z.array(z.string()).optional(),
  env: z.record(z.string(), z.string()).optional(),
  cwd: z.string().optional(),
}

const server = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('module'), entry: z.string().min(1) }),
  z.strictObject({ kind: z.literal('stdio'), ...command }),
  z.strictObject({
    kind: z.literal('http'),
    ...command,
    port: z.int().min(1).max(65_535).optional(),
    path: z.string().startsWith('/').optional(),
  }),
])

const arn = z
  .string()
  .regex(
    /^(\*|arn:aws[a-z-]*:(iam|sts)::\d{12}:.+)$/,
    'must be an IAM ARN such as arn:aws:iam::111122223333:role/agent',
  )

const domain = z.strictObject({
  name: z
    .string()
    .regex(
      /^(?=.{4,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}$/,
      'must be a host name such as mcp.example.com',
    ),
  certificateArn: z
    .string()
    .regex(
      /^arn:aws[a-z-]*:acm:us-east-1:\d{12}:certificate\/[\w-]+$/,
      'must be a certificate of ACM in us-east-1, where CloudFront looks for it: aws acm request-certificate --region us-east-1 --domain-name NAME',
    ),
})

function isUnique(names: readonly (string | undefined)[]): boolean {
  const given = names.filter((name) => name !== undefined)
  return new Set(given).size === given.length
}

/** Limits of Lambda. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-22) */
const lambda = z.strictObject({
  auth: z.enum(['iam', 'oauth']).optional(),
  memoryMb: z.int().min(128).max(10_240).optional(),
  timeoutS: z.int().min(1).max(900).optional(),
  concurrency: z.int().min(1).max(1000).optional(),
  runtime: z.enum(['python3.12', 'python3.13', 'python3.14']).optional(),
  domain: domain.optional(),
  waf: z.boolean().optional(),
})

const baseImage = z
  .string()
  .regex(/^[a-z0-9][\w./:@-]*$/, 'must be the name of an image, such as node:24-bookworm-slim')
  .max(512)

/** Sizes of Fargate. @see https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html (read 2026-11-22) */
const fargate = z
  .strictObject({
    sessions: z.enum(['stateless', 'stateful']).optional(),
    tasks: z.int().min(1).max(16).optional(),
    memoryMb: z.int().min(512).max(30_720).optional(),
    vpcId: z
      .string()
      .regex(/^vpc-([0-9a-f]{8}|[0-9a-f]{17})$/, 'must be the id of a VPC such as vpc-0123456789abcdef0')
      .optional(),
    subnetIds: z
      .array(z.string().regex(/^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/, 'must be the id of a subnet'))
      .min(2, 'must have two at least, of two availability zones')
      .max(6)
      .optional(),
    baseImage: baseImage.optional(),
    domain: domain
      .extend({
        loadBalancerCertificateArn: z
          .string()
          .regex(/^arn:aws[a-z-]*:acm:[a-z0-9-]+:\d{12}:certificate\/[\w-]+$/, 'must be a certificate of ACM')
          .optional(),
      })
      .optional(),
  })
  .refine(({ vpcId, subnetIds }) => (vpcId === undefined) === (subnetIds === undefined), {
    path: ['subnetIds'],
    error:
      'must be set with `vpcId`, and without it not: aws ec2 describe-subnets --filters Name=vpc-id,Values=VPC lists them',
  })

const jwt = z.strictObject({ customJWTAuthorizer: z.record(z.string(), z.unknown()) })

/** @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/runtime-lifecycle-settings.html (read 2026-11-22) */
const agentcoreRuntime = z
  .strictObject({
    auth: z.union([z.literal('iam'), jwt]).optional(),
    modernSessions: z.enum(['each', 'pool']).optional(),
    idleS: z.int().min(60).max(28_800).optional(),
    maxLifetimeS: z.int().min(60).max(28_800).optional(),
    maxSessions: z.int().min(1).max(500).optional(),
    headers: z
      .array(z.string().refine(isForwardable, 'is not a header that the Runtime lets through'))
      .min(1)
      .max(20)
      .refine((names) => new Set(names.map((name) => name.toLowerCase())).size === names.length, 'has a name twice')
      .optional(),
    package: z.enum(['code', 'image']).optional(),
    baseImage: baseImage.optional(),
    memory: z.union([z.boolean(), z.strictObject({ eventExpiryDays: z.int().min(3).max(365).optional() })]).optional(),
  })
  .refine(({ idleS, maxLifetimeS }) => (idleS ?? 0) <= (maxLifetimeS ?? 28_800), {
    path: ['idleS'],
    error: 'must not be more than maxLifetimeS',
  })
  .refine(
    ({ auth, headers = [] }) => typeof auth === 'object' || !headers.some((name) => /^authorization$/i.test(name)),
    {
      path: ['headers'],
      error: 'may have Authorization only where `auth` is a JWT authorizer',
    },
  )
  .refine(({ package: what, baseImage: base }) => base === undefined || what === 'image', {
    path: ['baseImage'],
    error: "must be with `package: 'image'`",
  })

const agentcoreGateway = z.strictObject({
  gateway: z.string().min(1),
  targets: z.array(z.string().min(1)),
  bindings: z.string().optional(),
  policies: z.array(z.string().min(1)).min(1).optional(),
  deployAs: z.enum(['managed', 'lambda', 'fargate']).optional(),
  lambda: lambda.omit({ auth: true, runtime: true }).optional(),
  fargate: fargate
    .refine(({ sessions }) => sessions === undefined, {
      path: ['sessions'],
      error: 'must be left out: `sessionConfiguration` of the definition says whether the gateway has sessions',
    })
    .optional(),
})

/** A scope's key stands in a scope token behind the server's name: no space, quote or backslash (RFC 6749 section 3.3). */
const scopeKey = z
  .string()
  .regex(/^[a-zA-Z0-9][a-zA-Z0-9:._-]{0,63}$/, 'must be letters, digits and : . _ -, at most 64')

/** A statement of a policy, as IAM takes it. @see https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html (read 2026-11-25) */
const permission = z.strictObject({
  actions: z
    .array(z.string().regex(/^(\*|[a-zA-Z0-9-]+:[\w*?]+)$/, 'must be an action such as s3:GetObject'))
    .min(1, 'must have an action at least'),
  resources: z
    .array(z.string().regex(/^(\*|arn:[^\s:]+:[^\s:]*:[^\s:]*:[^\s:]*:\S.*)$/, 'must be an ARN, or *'))
    .min(1, 'must have a resource at least'),
})

const oauth = z.strictObject({
  verifier: z.enum(['authorization-service', 'cognito']).optional(),
  alg: z.enum(['RS256', 'ES256']).optional(),
  clients: z
    .array(
      z.strictObject({
        id: z.string().regex(/^[\x21-\x7e]{1,128}$/, 'must be 1 to 128 visible ASCII characters'),
        redirectUris: z.array(z.url()).max(10).optional(),
        secretEnv: z
          .string()
          .regex(
            /^(?!AWS_|FAIRLEAD_)[a-zA-Z]\w*$/,
            'must be the name of a variable, with letters, digits and _, and none of AWS_ or FAIRLEAD_',
          )
          .optional(),
      }),
    )
    .refine((all) => isUnique(all.map(({ id }) => id)), 'has two clients of one id')
    .refine((all) => isUnique(all.map(({ secretEnv }) => secretEnv)), 'has two clients with one secretEnv')
    .optional(),
  userPoolId: z
    .string()
    .regex(/^[a-z]{2,4}(-[a-z]+)+-\d_[0-9a-zA-Z]+$/, 'must be the id of a user pool such as us-east-1_AbCdEfGhI')
    .optional(),
})

const environment = z.strictObject({
  account: z.string('must be 12 digits in quotes').regex(/^\d{12}$/, 'must be 12 digits in quotes'),
  region: z.string().regex(/^[a-z]{2,4}(-[a-z]+)+-\d$/, 'must be a region such as us-east-1'),
  config: z.record(z.string(), z.unknown()).optional(),
})

/** What fairlead.config.ts may export, key by key. */
export const configSchema = z.strictObject({
  name: z
    .string()
    .regex(/^[a-zA-Z][a-zA-Z0-9-]{0,47}$/, 'must be letters, digits and hyphens, at most 48, beginning with a letter'),
  server: server.optional(),
  callers: z.array(arn).optional(),
  permissions: z.array(permission).optional(),
  scopes: z
    .record(
      scopeKey,
      z.strictObject({ description: z.string().min(1), groups: z.array(z.string().min(1)).min(1).optional() }),
    )
    .refine((all) => Object.keys(all).length <= 100, 'has more than the 100 that Cognito takes')
    .optional(),
  baseScopes: z.array(z.string()).optional(),
  tools: z
    .record(
      z.string(),
      z.strictObject({
        scopes: z.array(z.string()).optional(),
        timeoutMs: z.int().min(1).optional(),
        task: z.union([z.boolean(), z.literal('required')]).optional(),
      }),
    )
    .optional(),
  oauth: oauth.optional(),
  platforms: z
    .strictObject({
      lambda: lambda.optional(),
      fargate: fargate.optional(),
      'agentcore-runtime': agentcoreRuntime.optional(),
      'agentcore-gateway': agentcoreGateway.optional(),
    })
    .refine(
      ({ fargate: { baseImage: one } = {}, 'agentcore-runtime': { baseImage: other } = {} }) =>
        one === undefined || other === undefined || one === other,
      {
        path: ['agentcore-runtime', 'baseImage'],
        error: 'must be that of fargate: both run one image',
      },
    )
    .refine(
      ({ lambda: one, fargate: two, 'agentcore-gateway': { lambda: three, fargate: four } = {} }) =>
        isUnique([one, two, three, four].map((each) => each?.domain?.name)),
      'has one `domain` twice: each platform has a distribution, and CloudFront gives a name to one',
    ),
  dev: z.strictObject({ standIn: z.string().optional(), env: z.array(z.string()).optional() }).optional(),
  observability: z
    .union([
      z.literal(false),
      z.strictObject({
        alarms: z.boolean().optional(),
        dashboard: z.boolean().optional(),
        alarmTopicArn: z
          .string()
          .regex(/^arn:aws[a-z-]*:sns:[a-z0-9-]+:\d{12}:[\w.-]+$/, 'must be the ARN of an SNS topic')
          .optional(),
      }),
    ])
    .optional(),
  environments: z
    .record(
      z
        .string()
        .regex(
          /^[a-z][a-z0-9-]{0,19}$/,
          'must be small letters, digits and hyphens, at most 20, beginning with a letter',
        ),
      environment,
    )
    .refine((all) => Object.keys(all).length > 0, 'names no environment')
    .optional(),
})
