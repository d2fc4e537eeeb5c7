import type { CheckPerson } from '../oauth/accounts.ts'
import { AwsRefusal, awsJson, type AwsOperation } from './aws-json.ts'

/**
 * Asks the user pool whether a person may still come in, and in which groups they are now: so who is disabled or deleted there
 * has no new token after the one that they hold, which is five minutes at most. The role needs AdminGetUser and
 * AdminListGroupsForUser on the pool. A pool that cannot be asked lets nobody in.
 * @see https://docs.aws.amazon.com/cognito-user-identity-pools/latest/APIReference/API_AdminGetUser.html
 */
export function cognitoPerson(userPoolId: string, env: NodeJS.ProcessEnv): CheckPerson {
  const region = userPoolId.slice(0, userPoolId.indexOf('_'))
  const ask = (operation: string, username: string, more = {}) =>
    awsJson({ service: 'cognito-idp', region, partition: partitionOf(region), operation, body: { UserPoolId: userPoolId, Username: username, ...more } } satisfies AwsOperation, env) // prettier-ignore
  return async ({ username }) => {
    try {
      const [user, { Groups = [] }] = (await Promise.all([
        ask('AdminGetUser', username),
        ask('AdminListGroupsForUser', username, { Limit: 60 }),
      ])) as [{ Enabled?: boolean }, { Groups?: { GroupName: string }[] }]
      return user.Enabled === false ? undefined : { groups: Groups.map(({ GroupName }) => GroupName) }
    } catch (error) {
      if (error instanceof AwsRefusal && error.type === 'UserNotFoundException') return undefined
      throw error
    }
  }
}

function partitionOf(region: string): string {
  return region.startsWith('cn-') ? 'aws-cn' : 'aws'
}
