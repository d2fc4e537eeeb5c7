import { aws, isOpen, isTrue, named, object, text, type Resource, type Rule, type Template } from './rule.ts'

/** What a template says of functions and their URLs. */
export const lambdaRules = {
  'invoke-grant-missing': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Add an AWS::Lambda::Permission with Action lambda:InvokeFunction and InvokedViaFunctionUrl true, for the same principal.',
    wrong: (template) =>
      grants(template, 'lambda:InvokeFunctionUrl')
        .filter(
          ({ properties }) =>
            !grants(template, 'lambda:InvokeFunction').some(
              (other) =>
                named(other.properties.FunctionName) === named(properties.FunctionName) &&
                text(other.properties.Principal) === text(properties.Principal),
            ),
        )
        .map(({ id }) => [
          id,
          'It grants lambda:InvokeFunctionUrl alone; since October 2025 a function URL needs lambda:InvokeFunction too.',
        ]),
  },
  'invoked-via-url-missing': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set InvokedViaFunctionUrl: true, so that the grant opens the URL and not the Invoke API.',
    wrong: (template) =>
      urls(template).length === 0
        ? []
        : grants(template, 'lambda:InvokeFunction')
            .filter(
              ({ properties }) =>
                !isTrue(properties.InvokedViaFunctionUrl) &&
                !isOpen(properties.InvokedViaFunctionUrl) &&
                grants(template, 'lambda:InvokeFunctionUrl').some(
                  (url) => named(url.properties.FunctionName) === named(properties.FunctionName),
                ),
            )
            .map(({ id }) => [id, 'It opens the Invoke API as well as the URL.']),
  },
  'url-open': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set AuthType AWS_IAM, or keep others out by CloudFront’s secret header and verify tokens in the function.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(({ properties }) => properties.AuthType === 'NONE')
        .map(({ id }) => [id, 'Its auth type is NONE: whoever knows the URL may call.']),
  },
  'url-buffered': {
    level: 'SHOULD',
    section: `${aws}/lambda/latest/dg/configuration-response-streaming.html`,
    fix: 'Set InvokeMode: RESPONSE_STREAM.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(({ properties }) => properties.InvokeMode !== 'RESPONSE_STREAM' && !isOpen(properties.InvokeMode))
        .map(({ id }) => [id, 'Its invoke mode is BUFFERED: progress arrives with the result.']),
  },
  'url-with-tenants': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/tenant-isolation.html`,
    fix: 'Remove TenancyConfig, or the function URL.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Function')
        .filter(
          ({ id, properties }) =>
            object(properties.TenancyConfig).TenantIsolationMode !== undefined &&
            of('AWS::Lambda::Url').some((url) => named(url.properties.TargetFunctionArn) === id),
        )
        .map(({ id }) => [id, 'Tenant isolation cannot be combined with a function URL.']),
  },
  'cors-options': {
    level: 'MUST',
    section: `${aws}/lambda/latest/api/API_Cors.html`,
    fix: 'Leave OPTIONS out of AllowMethods: the URL answers preflights by itself.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Url')
        .filter(
          ({ properties }) =>
            Array.isArray(object(properties.Cors).AllowMethods) &&
            (object(properties.Cors).AllowMethods as unknown[]).includes('OPTIONS'),
        )
        .map(({ id }) => [id, 'AllowMethods has OPTIONS, which the API refuses.']),
  },
  'runtime-ended': {
    level: 'MUST',
    section: `${aws}/lambda/latest/dg/lambda-runtimes.html`,
    fix: 'Set Runtime: nodejs24.x.',
    wrong: ({ of }) =>
      of('AWS::Lambda::Function')
        .filter(({ properties }) =>
          /^(nodejs(\d|1[0-8]|20)?(\.x)?|python(2\.7|3\.[6-9]))$/.test(text(properties.Runtime)),
        )
        .map(({ id, properties }) => [id, `The runtime ${text(properties.Runtime)} has come to its end.`]),
  },
} as const satisfies Record<string, Rule>

function grants(template: Template, action: string): Resource[] {
  return template.of('AWS::Lambda::Permission').filter(({ properties }) => text(properties.Action) === action)
}

function urls(template: Template): Resource[] {
  return template.of('AWS::Lambda::Url').filter(({ properties }) => properties.AuthType === 'AWS_IAM')
}
