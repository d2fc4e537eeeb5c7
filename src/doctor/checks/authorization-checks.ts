import { aws, newest, type Check } from './check.ts'

/** Challenges, metadata, authorization servers, tokens and signatures. */
export const authorizationChecks = {
  'challenge-401': {
    level: 'MUST',
    title: 'without a token: 401',
    section: `${newest}/basic/authorization#error-handling`,
    fix: 'Answer 401 with WWW-Authenticate when the token is missing or invalid.',
  },
  'challenge-header': {
    level: 'MUST',
    title: 'the 401 has WWW-Authenticate: Bearer',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-5.1',
    fix: 'Send WWW-Authenticate: Bearer resource_metadata="…". A function URL and API Gateway rename it: answer at CloudFront’s viewer-request.',
  },
  'challenge-not-remapped': {
    level: 'MUST',
    title: 'WWW-Authenticate keeps its name',
    section: `${aws}/apigateway/latest/developerguide/api-gateway-known-issues.html`,
    fix: 'No client reads the new name. Answer the 401 at CloudFront’s viewer-request, as fairlead’s lambda platform with OAuth does.',
  },
  'challenge-metadata': {
    level: 'SHOULD',
    title: 'the challenge names the metadata',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-5.1',
    fix: 'Add resource_metadata="https://HOST/.well-known/oauth-protected-resource/mcp".',
  },
  'challenge-scope': {
    level: 'SHOULD',
    title: 'the challenge names the scopes',
    section: `${newest}/basic/authorization#scope-selection-strategy`,
    fix: 'Add scope="…" with the scopes that a first sign-in needs.',
  },
  'metadata-found': {
    level: 'MUST',
    title: 'protected-resource metadata is there',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-3',
    fix: 'Serve /.well-known/oauth-protected-resource with and without the path of the endpoint.',
  },
  'metadata-both-places': {
    level: 'SHOULD',
    title: 'metadata is at the path and at the root',
    section: `${newest}/basic/authorization#protected-resource-metadata-discovery-requirements`,
    fix: 'Serve it at both: some clients look in one place only.',
  },
  'metadata-resource': {
    level: 'MUST',
    title: 'its resource is the URL of the endpoint',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-3.3',
    fix: 'Set resource to exactly the URL that clients call: scheme, port, path and last slash.',
  },
  'metadata-servers': {
    level: 'MUST',
    title: 'it names an authorization server',
    section: `${newest}/basic/authorization#authorization-server-location`,
    fix: 'Add authorization_servers with at least one issuer.',
  },
  'metadata-scopes': {
    level: 'SHOULD',
    title: 'it lists the scopes',
    section: 'https://www.rfc-editor.org/rfc/rfc9728#section-2',
    fix: 'Add scopes_supported: Kiro does not sign in without it.',
  },
  'server-metadata': {
    level: 'MUST',
    title: 'the authorization server has metadata',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-3',
    fix: 'Serve /.well-known/oauth-authorization-server at the issuer, or OpenID discovery.',
  },
  'server-issuer': {
    level: 'MUST',
    title: 'its issuer is the one that was asked',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-3.3',
    fix: 'Make issuer the same text in both documents.',
  },
  'server-endpoints': {
    level: 'MUST',
    title: 'it has an authorization and a token endpoint',
    section: 'https://www.rfc-editor.org/rfc/rfc8414#section-2',
    fix: 'Add authorization_endpoint and token_endpoint.',
  },
  'server-pkce': {
    level: 'MUST',
    title: 'it advertises PKCE with S256',
    section: `${newest}/basic/authorization#authorization-code-protection`,
    fix: 'Add code_challenge_methods_supported: ["S256"]. Cognito does not: put the authorization service in front.',
  },
  'server-registration': {
    level: 'SHOULD',
    title: 'a new client can become known',
    section: `${newest}/basic/authorization#client-registration-approaches`,
    fix: 'Offer client_id_metadata_document_supported or a registration_endpoint; else every client needs an id by hand.',
  },
  'server-iss': {
    level: 'SHOULD',
    title: 'it names itself in its answers (iss)',
    section: 'https://www.rfc-editor.org/rfc/rfc9207#section-3',
    fix: 'Add iss to authorization responses and authorization_response_iss_parameter_supported: true.',
  },
  'token-bogus-401': {
    level: 'MUST',
    title: 'a token that is none is refused with 401',
    section: `${newest}/basic/authorization#token-handling`,
    fix: 'Verify signature, issuer, audience and expiry of every token.',
  },
  'token-not-in-query': {
    level: 'MUST',
    title: 'a token in the query is not taken',
    section: `${newest}/basic/authorization#access-token-usage`,
    fix: 'Read tokens from the Authorization header alone.',
  },
  'token-taken': {
    level: 'MUST',
    title: 'the token at hand is taken',
    section: `${newest}/basic/authorization#token-handling`,
    fix: 'fairlead explain --last says why it was not, where the endpoint is fairlead’s; else sign in again for exactly this resource.',
  },

  'sigv4-unsigned-refused': {
    level: 'MUST',
    title: 'an unsigned request is refused with 403',
    section: `${aws}/lambda/latest/dg/urls-auth.html`,
    fix: 'Set the auth type of the function URL to AWS_IAM.',
  },
  'sigv4-taken': {
    level: 'MUST',
    title: 'a signed request is let in',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-create-signed-request.html`,
    fix: 'fairlead explain --last says why it was not, where the endpoint is fairlead’s. Both grants are needed: lambda:InvokeFunctionUrl and lambda:InvokeFunction.',
  },
  'sigv4-body': {
    level: 'MUST',
    title: 'a changed body is refused',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-create-signed-request.html`,
    fix: 'Verify the hash of the body.',
  },
  'sigv4-clock': {
    level: 'MUST',
    title: 'a signature of twenty minutes ago is refused',
    section: `${aws}/IAM/latest/UserGuide/reference_sigv-troubleshooting.html`,
    fix: 'Refuse what is more than five minutes off.',
  },
} as const satisfies Record<string, Check>
