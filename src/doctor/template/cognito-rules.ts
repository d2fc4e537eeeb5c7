import { aws, isOpen, isTrue, object, text, type Rule } from './rule.ts'

/** What a template says of user pools. */
export const cognitoRules = {
  'self-sign-up': {
    level: 'SHOULD',
    section: `${aws}/cognito/latest/developerguide/signing-up-users-in-your-app.html`,
    fix: 'Set AdminCreateUserConfig.AllowAdminCreateUserOnly: true.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPool')
        .filter(({ properties }) => {
          const only = object(properties.AdminCreateUserConfig).AllowAdminCreateUserOnly
          return !isTrue(only) && !isOpen(only)
        })
        .map(({ id }) => [id, 'Anybody can sign up.']),
  },
  'implicit-grant': {
    level: 'MUST',
    section: 'https://www.rfc-editor.org/rfc/rfc9700#section-2.1.2',
    fix: 'Remove implicit from AllowedOAuthFlows.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPoolClient')
        .filter(
          ({ properties }) =>
            Array.isArray(properties.AllowedOAuthFlows) && properties.AllowedOAuthFlows.includes('implicit'),
        )
        .map(({ id }) => [id, 'It allows the implicit grant.']),
  },
  'resource-server-missing': {
    level: 'MUST',
    section: `${aws}/cognito/latest/developerguide/cognito-user-pools-define-resource-servers.html`,
    fix: 'Add an AWS::Cognito::UserPoolResourceServer with that identifier and scope.',
    wrong: ({ of }) => {
      const known = new Set(of('AWS::Cognito::UserPoolResourceServer').map((each) => text(each.properties.Identifier)))
      return of('AWS::Cognito::UserPoolClient').flatMap(({ id, properties: { AllowedOAuthScopes } }) =>
        (Array.isArray(AllowedOAuthScopes) ? AllowedOAuthScopes : [])
          .map(text)
          .filter((scope) => scope.includes('/') && !known.has(scope.slice(0, scope.lastIndexOf('/'))))
          .map((scope): [string, string] => [id, `It asks for ${scope}, and no resource server has that.`]),
      )
    },
  },
  'cognito-domain-uppercase': {
    level: 'MUST',
    section: `${aws}/cognito/latest/developerguide/cognito-user-pools-assign-domain.html`,
    fix: 'Write the domain in lower case.',
    wrong: ({ of }) =>
      of('AWS::Cognito::UserPoolDomain')
        .filter(({ properties }) => /[A-Z]/.test(text(properties.Domain)))
        .map(({ id, properties }) => [id, `The domain ${text(properties.Domain)} has capitals.`]),
  },
} as const satisfies Record<string, Rule>
