import { cpSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { App, Aws, type Stack } from 'aws-cdk-lib'
import type { FairleadConfig } from '../config.ts'
import { FairleadError } from '../errors.ts'
import { imageFolder } from '../image-folder.ts'
import { observeAuthorization, observeServer } from './cdk/observe-server.ts'
import { stacks, type Authorization } from './cdk/stacks.ts'
import {
  gatewayWantsWebAcl,
  isManaged,
  isPlatform,
  partsOf,
  regionOf,
  stackName,
  unknownAccount,
  type Deployment,
  type Part,
} from './deployment.ts'
import { portableGateway } from './portable.ts'

export interface Template {
  Resources: Record<string, { Type: string; Properties?: Record<string, unknown> }>
  Outputs?: Record<string, unknown>
  Parameters?: Record<string, unknown>
}

export interface AssemblyStack {
  name: string
  part: Part
  template: Template
}

/** A cloud assembly on disk: what CDK's own tools deploy. */
export interface Assembly {
  dir: string
  /** In the order in which they are deployed. */
  stacks: AssemblyStack[]
}

export interface SynthesizeOptions {
  /** Context of CDK beside our own. */
  context?: Record<string, unknown>
  /** Gets the app before it is synthesized: tests add their checks here. */
  prepare?: (app: App) => void
  /**
   * Whether CDK holds the templates against CloudFormation's schemas and rules, and whether what it finds is thrown or only
   * written into `validation-report.json`; `false` by default, which is some seconds faster.
   */
  validate?: boolean | 'report'
}

/**
 * What CDK does otherwise for the sake of apps that are older. The constructs say themselves what they need.
 * @see https://docs.aws.amazon.com/cdk/v2/guide/featureflags.html
 */
const context = {
  '@aws-cdk/aws-iam:minimizePolicies': true,
  '@aws-cdk/core:enablePartitionLiterals': true,
  '@aws-cdk/core:checkSecretUsage': true,
  '@aws-cdk/aws-lambda:useCdkManagedLogGroup': true,
  '@aws-cdk/core:explicitStackTags': true,
}

/**
 * CDK looks up the zones of an account that it knows, before it sees that the template names them by number (Fn::GetAZs).
 * Synthesis asks nobody, so it is told two; they do not stand in the template.
 */
function zonesOf({ account, region }: Pick<Deployment, 'account' | 'region'>): Record<string, string[]> {
  if (account === undefined) return {}
  return { [`availability-zones:account=${account}:region=${region}`]: [`${region}a`, `${region}b`] }
}

/**
 * Synthesizes the stacks of a deployment into a folder, offline: the same inputs give the same bytes.
 * Leaves deploying to CDK's toolkit. Throws DEPLOY_TEMPLATE, GATEWAY_NOT_PORTABLE, REGION_WITHOUT_AGENTCORE.
 */
export async function synthesize(
  given: Deployment,
  outDir: string,
  { prepare, validate = false, ...more }: SynthesizeOptions = {},
): Promise<Assembly> {
  const app = new App({
    outdir: outDir,
    analyticsReporting: false,
    treeMetadata: false,
    context: {
      ...context,
      ...zonesOf(given),
      '@aws-cdk/core:failSynthOnValidationErrors': false,
      ...more.context,
    },
  })
  const deployment = withAccountOfStack(given)
  const parts = partsOf(deployment)
  const managed = parts.includes('agentcore-gateway') && isManaged(deployment.project.config)
  const definitions = managed ? await portableGateway(deployment) : undefined
  const { account, region, project, environment } = deployment
  const tags = { 'fairlead:name': project.config.name, 'fairlead:environment': environment }
  let authorization: Authorization | undefined
  let edge: Stack | undefined
  for (const part of parts) {
    const name = stackName(deployment, part)
    const made = stacks[part](app, {
      name,
      deployment,
      props: {
        stackName: name,
        description: `${project.config.name} (${environment}): ${part}, by fairlead`,
        env: { region: regionOf(part, region), ...(account === undefined ? {} : { account }) },
        tags,
        crossRegionReferences: false,
      },
      ...(authorization ? { authorization } : {}),
      ...(definitions ? { definitions } : {}),
    })
    authorization ??= made.authorization
    if (part === 'edge') edge = made.stack
    if (edge && hasWebAcl(part, project.config)) made.stack.addStackDependency(edge)
    if (part === 'authorization') observeAuthorization(made.stack, { config: project.config, environment })
    if (isPlatform(part)) observeServer(made.stack, { config: project.config, environment, platform: part })
  }
  prepare?.(app)
  withValidation(validate !== false, app)
  keepImages(deployment, outDir)
  if (validate === true) refuseFindings(outDir)
  return { dir: outDir, stacks: parts.map((part) => read(outDir, stackName(deployment, part), part)) }
}

/** Whether a stack takes the web ACL of `edge`: the platforms behind the authorization service take it from there. */
function hasWebAcl(part: Part, config: FairleadConfig): boolean {
  return part === 'authorization' || (part === 'agentcore-gateway' && gatewayWantsWebAcl(config))
}

/** An image is in a registry. What is in it lies beside the templates, so that `dev --from-template` can run it. */
function keepImages({ images = {}, artifacts }: Deployment, outDir: string): void {
  for (const name of ['server', 'gateway'] as const) {
    const { [name]: image } = images
    const { [name]: artifact } = artifacts
    if (image?.kind !== 'registry' || !artifact) continue
    const to = join(outDir, imageFolder(image.digest))
    rmSync(to, { recursive: true, force: true })
    cpSync(artifact.dir, to, { recursive: true })
  }
}

/** The account of the stack, as CDK writes it where it is known only when it is deployed. */
function withAccountOfStack({ images = {}, ...rest }: Deployment): Deployment {
  const known = Object.entries(images).map(([name, image]) => [
    name,
    image.kind === 'registry'
      ? { ...image, repository: image.repository.replaceAll(unknownAccount, Aws.ACCOUNT_ID) }
      : image,
  ])
  return { ...rest, images: Object.fromEntries(known) as NonNullable<Deployment['images']> }
}

/** CDK reads the switch from the environment, and only this word turns it off. */
function withValidation(on: boolean, app: App): void {
  const before = process.env.CDK_VALIDATION
  process.env.CDK_VALIDATION = on ? 'true' : 'false'
  try {
    app.synth()
  } finally {
    if (before === undefined) delete process.env.CDK_VALIDATION
    else process.env.CDK_VALIDATION = before
  }
}

/** What CDK's checks write: all that nobody has acknowledged. */
export interface ValidationReport {
  pluginReports: {
    violations: {
      ruleName: string
      description: string
      violatingConstructs: { constructPath?: string; cloudFormationResource?: { logicalId?: string } }[]
    }[]
  }[]
}

/** A warning of the checks is often a deployment that fails, such as a word that CloudFormation does not know. */
function refuseFindings(dir: string): void {
  const { pluginReports } = JSON.parse(readFileSync(join(dir, 'validation-report.json'), 'utf8')) as ValidationReport
  const found = pluginReports.flatMap(({ violations }) =>
    violations.map(({ ruleName, description, violatingConstructs: [at] }) =>
      `${at?.constructPath ?? ''} ${ruleName}: ${description}`.trim(),
    ),
  )
  if (found.length === 0) return
  throw new FairleadError(
    'DEPLOY_TEMPLATE',
    `The templates have ${found.length} ${found.length === 1 ? 'finding' : 'findings'}`,
    {
      why: found.slice(0, 5).join('; '),
    },
  )
}

function read(dir: string, name: string, part: Part): AssemblyStack {
  return { name, part, template: JSON.parse(readFileSync(join(dir, `${name}.template.json`), 'utf8')) as Template }
}
