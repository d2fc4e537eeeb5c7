import { Duration, RemovalPolicy } from 'aws-cdk-lib'
import { OAuthScope } from 'aws-cdk-lib/aws-cognito'
import { Policy, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam'
import { Architecture, Code, Function, FunctionUrlAuthType, InvokeMode, Runtime } from 'aws-cdk-lib/aws-lambda'
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs'
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { StringParameter } from 'aws-cdk-lib/aws-ssm'
import { Construct } from 'constructs'
import type { AuthorizationServicePlace } from '../../adapters/authorization-service.ts'
import type { FairleadConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { scopesOf } from '../../scopes.ts'
import { acknowledge } from './acknowledge.ts'
import { cognitoClientSecret, generatedSecret, idOf } from './client-secret.ts'
import { FunctionFront, OriginSecret } from './function-front.ts'
import { foundAs, parameterArn } from './parameters.ts'
import { StateTable } from './state-table.ts'
import { SignInPool } from './user-pool.ts'

export interface AuthorizationServiceProps {
  config: FairleadConfig
  /** The folder of the artifact that `buildAuthorizationService` makes. */
  artifact: string
  /** Tells one deployment from another, such as `prod`. */
  environment: string
  /** A web ACL with the scope CLOUDFRONT. */
  webAclArn?: string
}

/** All variables of a function have 4 kB. @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (read 2026-11-25) */
const maxSettingsBytes = 3000
/** A variable with the ARN of a client's secret. */
const secretBytes = 160

/**
 * The OAuth 2.1 authorization service in front of Cognito: a function behind a distribution, so that nothing runs while nobody
 * signs in; its state and its keys in a table, its secrets in Secrets Manager.
 */
export class AuthorizationService extends Construct {
  /** `https://…`, with no slash at its end. */
  readonly issuer: string
  readonly signIn: SignInPool
  readonly table: StateTable
  readonly function: Function
  readonly front: FunctionFront
  readonly logGroup: LogGroup
  /** Of the clients that the configuration gives one, by their ids. */
  readonly clientSecrets: Record<string, Secret> = {}
  readonly #role: Role

  constructor(scope: Construct, id: string, props: AuthorizationServiceProps) {
    super(scope, id)
    const { config, environment } = props
    const path = `/fairlead/${config.name}/${environment}`
    this.signIn = new SignInPool(this, 'SignIn', { config, environment })
    this.table = new StateTable(this, 'State', { keep: true })
    this.logGroup = new LogGroup(this, 'Log', {
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    })
    this.#role = new Role(this, 'Role', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') })
    const originSecret = new OriginSecret(this, 'OriginSecret')
    const secrets = {
      FAIRLEAD_SECRET: generatedSecret(this, 'Secret', `${config.name} ${environment}: seals what the service stores`),
      FAIRLEAD_ORIGIN_SECRET: originSecret,
      ...this.#secretsOfClients(config),
    }
    this.#grant(path, Object.values(secrets))
    this.function = new Function(this, 'Function', {
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      handler: 'index.handler',
      code: Code.fromAsset(props.artifact),
      memorySize: 1024,
      timeout: Duration.seconds(30),
      role: this.#role,
      logGroup: this.logGroup,
      environment: {
        FAIRLEAD_TABLE: this.table.table.tableName,
        FAIRLEAD_AUTHORIZATION_SERVICE: this.#settings(config),
        FAIRLEAD_AUTHORIZATION_PLACE_FROM: parameterArn(this, `${path}/authorization/place`),
        FAIRLEAD_RESOURCES_FROM: `${parameterArn(this, `${path}/resources`)}/`,
        ...Object.fromEntries(Object.entries(secrets).map(([name, { secretArn }]) => [`${name}_FROM`, secretArn])),
      },
    })
    this.front = new FunctionFront(this, 'Front', {
      functionUrl: this.function.addFunctionUrl({
        authType: FunctionUrlAuthType.NONE,
        invokeMode: InvokeMode.RESPONSE_STREAM,
      }),
      originSecret,
      comment: `${config.name} ${environment}: authorization`,
      ...(props.webAclArn === undefined ? {} : { webAclArn: props.webAclArn }),
    })
    this.issuer = this.front.url
    this.#place(`${path}/authorization/place`)
  }

  /** What the function learns when everything in front of it is there: the URL, and the client that has this URL as callback. */
  #place(parameterName: string): void {
    const client = this.signIn.addClient('Upstream', {
      userPoolClientName: 'fairlead',
      generateSecret: true,
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID],
        callbackUrls: [`${this.issuer}/federation/callback`],
      },
    })
    const secret = cognitoClientSecret(this, 'UpstreamSecret', 'Of the app client of the authorization service', client)
    const place: AuthorizationServicePlace = {
      issuer: this.issuer,
      clientId: client.userPoolClientId,
      clientSecretArn: secret.secretArn,
    }
    // A policy of its own: the function waits for the role's, and this one waits for the function.
    const policy = new Policy(this, 'UpstreamPolicy', {
      roles: [this.#role],
      statements: [new PolicyStatement({ actions: ['secretsmanager:GetSecretValue'], resources: [secret.secretArn] })],
    })
    new StringParameter(this, 'Place', { parameterName, stringValue: JSON.stringify(place) }).node.addDependency(policy)
  }

  /** What is the same wherever it runs. In the function's environment, so that a change starts it anew. */
  #settings(config: FairleadConfig): string {
    const { alg, clients } = config.oauth ?? {}
    const { userPoolId } = this.signIn.pool
    const upstream = { issuer: this.signIn.issuer, userPoolId }
    const settings = { baseScopes: scopesOf(config).baseScopes, alg, clients, upstream }
    const text = JSON.stringify(settings)
    const bytes = text.length + secretBytes * (clients ?? []).filter(({ secretEnv }) => secretEnv !== undefined).length
    if (bytes > maxSettingsBytes)
      throw new FairleadError('CONFIG_INVALID', `\`oauth.clients\` has ${bytes} bytes, and ${maxSettingsBytes} fit`, {
        why: 'They stand in the environment of a function, and Lambda gives that 4 kB.',
        fix: 'Let clients use a client ID metadata document, or register themselves.',
      })
    return text
  }

  #secretsOfClients(config: FairleadConfig): Record<string, Secret> {
    const known = (config.oauth?.clients ?? []).flatMap(
      ({ id, secretEnv }) =>
      secretEnv === undefined ? [] : [{ id, secretEnv, secret: generatedSecret(this, `ClientSecret${idOf(id)}`, `Of the OAuth client ${id}`) }], // prettier-ignore
    )
    for (const { id, secret } of known) this.clientSecrets[id] = secret
    return Object.fromEntries(known.map(({ secretEnv, secret }) => [secretEnv, secret]))
  }

  #grant(path: string, secrets: Secret[]): void {
    const grant = (actions: string[], resources: string[]) =>
      this.#role.addToPrincipalPolicy(new PolicyStatement({ actions, resources }))
    this.logGroup.grantWrite(this.#role)
    this.table.grantUse(this.#role)
    grant(
      ['secretsmanager:GetSecretValue'],
      secrets.map(({ secretArn }) => secretArn),
    )
    grant(['ssm:GetParameter'], [parameterArn(this, `${path}/authorization/place`)])
    const resources = parameterArn(this, `${path}/resources`)
    grant(['ssm:GetParametersByPath'], [resources, `${resources}/*`])
    grant(['cognito-idp:AdminGetUser', 'cognito-idp:AdminListGroupsForUser'], [this.signIn.pool.userPoolArn])
    acknowledge(this.#role, {
      [`IAM5[Resource::${foundAs(this, `${resources}/*`)}]`]:
        'Each server of this deployment leaves one parameter under this path, and there is nothing else under it.',
    })
  }
}
