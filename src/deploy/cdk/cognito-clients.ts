import { OAuthScope, type UserPoolClient } from 'aws-cdk-lib/aws-cognito'
import type { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import type { FairleadConfig, OauthConfig } from '../../config.ts'
import { FairleadError } from '../../errors.ts'
import { cognitoClientSecret, idOf } from './client-secret.ts'
import type { SignInPool } from './user-pool.ts'

type Client = NonNullable<OauthConfig['clients']>[number]

/**
 * The app clients of `oauth.clients` in the pool, where clients sign in at Cognito itself (`verifier: 'cognito'`). Cognito
 * makes up their ids; those of the configuration become their names.
 */
export class CognitoClients extends Construct {
  /** By the id in the configuration. */
  readonly clients: Record<string, UserPoolClient> = {}
  readonly secrets: Record<string, Secret> = {}

  constructor(scope: Construct, id: string, { config, signIn }: { config: FairleadConfig; signIn: SignInPool }) {
    super(scope, id)
    const custom = signIn.customScopes()
    for (const client of config.oauth?.clients ?? []) {
      check(client)
      const at = idOf(client.id)
      const people = client.redirectUris !== undefined
      const made = signIn.addClient(`Client${at}`, {
        userPoolClientName: client.id,
        generateSecret: client.secretEnv !== undefined,
        oAuth: {
          // Cognito lets no client have both.
          flows: { authorizationCodeGrant: people, clientCredentials: !people },
          scopes: people ? [OAuthScope.OPENID, OAuthScope.EMAIL, OAuthScope.PROFILE, ...custom] : custom,
          ...(people ? { callbackUrls: client.redirectUris } : {}),
        },
      })
      this.clients[client.id] = made
      if (client.secretEnv !== undefined)
        this.secrets[client.id] = cognitoClientSecret(this, `Secret${at}`, `Of the app client ${client.id}`, made)
    }
  }
}

/** What Cognito refuses when it is too late. Throws CONFIG_INVALID. */
function check({ id, redirectUris, secretEnv }: Client): void {
  if (redirectUris === undefined && secretEnv === undefined)
    throw new FairleadError('CONFIG_INVALID', `oauth.clients: ${id} has neither redirectUris nor a secret`, {
      why: 'In Cognito a client is one where people sign in, or a machine, which has a secret.',
      fix: 'Give it `redirectUris`, or name the variable of its secret in `secretEnv`.',
    })
  const refused = (redirectUris ?? []).find(
    (uri) => URL.parse(uri)?.protocol === 'http:' && URL.parse(uri)?.hostname !== 'localhost',
  )
  if (refused !== undefined)
    throw new FairleadError('CONFIG_INVALID', `oauth.clients: Cognito does not take ${refused} as a callback`, {
      why: 'It takes https, a scheme of an app, and http for the name localhost alone.',
      fix: 'Write http://localhost in place of the address.',
    })
}
