import { createHash } from 'node:crypto'
import { Aws, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib'
import {
  AccountRecovery,
  CfnManagedLoginBranding,
  CfnUserPoolGroup,
  type CfnUserPoolClient,
  FeaturePlan,
  ManagedLoginVersion,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  UserPoolClient,
  UserPoolClientIdentityProvider,
  UserPoolResourceServer,
  type IUserPool,
  type UserPoolClientProps,
} from 'aws-cdk-lib/aws-cognito'
import { Construct } from 'constructs'
import type { FairleadConfig } from '../../config.ts'
import { scopesOf } from '../../scopes.ts'
import { acknowledge } from './acknowledge.ts'

export interface SignInPoolProps {
  config: FairleadConfig
  environment: string
}

/**
 * Where people sign in: a Cognito user pool with managed login, that nobody signs up to, with a group for each that the
 * configuration names; or the pool that `oauth.userPoolId` names, of which nothing is changed but what is added to it.
 */
export class SignInPool extends Construct {
  readonly pool: IUserPool
  /** `https://cognito-idp.REGION.amazonaws.com/POOL` */
  readonly issuer: string
  readonly #config: FairleadConfig
  #resourceServer: UserPoolResourceServer | undefined

  constructor(scope: Construct, id: string, { config, environment }: SignInPoolProps) {
    super(scope, id)
    this.#config = config
    const existing = config.oauth?.userPoolId
    this.pool =
      existing === undefined ? this.#make(config, environment) : UserPool.fromUserPoolId(this, 'Pool', existing)
    this.issuer = `https://cognito-idp.${Stack.of(this).region}.amazonaws.com/${this.pool.userPoolId}`
    if (existing === undefined) this.customScopes()
  }

  /** The scopes of this server, as a client of the pool is given them; the pool knows them from now on. */
  customScopes(): OAuthScope[] {
    const scopes = Object.entries(scopesOf(this.#config).scopes).map(
      ([scopeName, { description }]) =>
        // Cognito takes 256 characters.
        new ResourceServerScope({ scopeName, scopeDescription: description.slice(0, 256) }),
    )
    const server = (this.#resourceServer ??= new UserPoolResourceServer(this, 'ResourceServer', {
      userPool: this.pool,
      identifier: this.#config.name,
      userPoolResourceServerName: this.#config.name,
      scopes,
    }))
    return scopes.map((scope) => OAuthScope.resourceServer(server, scope))
  }

  /** Adds an app client, with the pages of managed login in their usual style. */
  addClient(id: string, props: Omit<UserPoolClientProps, 'userPool'>): UserPoolClient {
    const client = new UserPoolClient(this, id, {
      userPool: this.pool,
      supportedIdentityProviders: [UserPoolClientIdentityProvider.COGNITO],
      preventUserExistenceErrors: true,
      enableTokenRevocation: true,
      accessTokenValidity: Duration.minutes(5),
      idTokenValidity: Duration.minutes(5),
      ...props,
    })
    // Managed login alone: left out, Cognito would let clients send passwords by its API too.
    ;(client.node.defaultChild as CfnUserPoolClient).explicitAuthFlows = ['ALLOW_REFRESH_TOKEN_AUTH']
    new CfnManagedLoginBranding(this, `${id}Style`, {
      userPoolId: this.pool.userPoolId,
      clientId: client.userPoolClientId,
      useCognitoProvidedValues: true,
    })
    return client
  }

  #make(config: FairleadConfig, environment: string): UserPool {
    const pool = new UserPool(this, 'Pool', {
      userPoolName: `${config.name}-${environment}`,
      featurePlan: FeaturePlan.ESSENTIALS,
      selfSignUpEnabled: false,
      signInAliases: { username: true, email: true },
      signInCaseSensitive: false,
      accountRecovery: AccountRecovery.EMAIL_ONLY,
      mfa: Mfa.OPTIONAL,
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 12,
        requireDigits: true,
        requireLowercase: true,
        requireUppercase: true,
        requireSymbols: true,
        tempPasswordValidity: Duration.days(3),
      },
      deletionProtection: true,
      removalPolicy: RemovalPolicy.RETAIN,
    })
    // A prefix is lower case, one in the region, and may not have `aws` or `cognito` in it: no name of the user's own.
    const hash = createHash('sha256').update(`${config.name}|${environment}`).digest('hex').slice(0, 12)
    pool.addDomain('Domain', {
      cognitoDomain: { domainPrefix: `fairlead-${hash}-${Aws.ACCOUNT_ID}` },
      managedLoginVersion: ManagedLoginVersion.NEWER_MANAGED_LOGIN,
    })
    const groups = new Set(Object.values(config.scopes ?? {}).flatMap((scope) => scope.groups ?? []))
    for (const groupName of groups)
      new CfnUserPoolGroup(this, `Group${createHash('sha256').update(groupName).digest('hex').slice(0, 8)}`, {
        userPoolId: pool.userPoolId,
        groupName,
        description: `Gives scopes of ${config.name}`,
      })
    acknowledge(pool, {
      COG2: 'People may set up a second factor; whoever must have one is asked in an existing pool, by oauth.userPoolId.',
      COG8: 'Threat protection is of the Plus plan, which costs for each person; Essentials has managed login and resource binding.',
    })
    return pool
  }
}
