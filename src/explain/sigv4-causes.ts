/** What can be wrong with a signature, once it is proved: one sentence why, and what to do. The id is that of the fault that makes it. */
export const causes = {
  'not-signed': ['The request carries no AWS4-HMAC-SHA256 signature.', 'Sign it: fairlead call TOOL, or sigv4Fetch.'],
  'token-for-iam': [
    'A bearer token was sent to an endpoint that IAM guards: it reads signatures, never both.',
    'Sign the request: fairlead call TOOL, or sigv4Fetch. Or guard the endpoint with OAuth: platforms.lambda.auth.',
  ],
  unreadable: ['The signature cannot be read.', 'Sign with an AWS SDK, or with sigv4Fetch of fairlead.'],
  'key-unknown': [
    'Nobody here has the access key id.',
    'Use the keys in .fairlead/local.json; `aws sts get-caller-identity` shows whose keys a client has.',
  ],
  'wrong-secret': [
    'Everything that can be checked matches, so the secret that made the signature is not the one of this access key id.',
    'Set the secret access key again, without quotes or spaces; it belongs to exactly one access key id.',
  ],
  'secret-of-another-key': [
    'The signature was made with the secret of another access key id.',
    'Take access key id, secret and session token from the same identity.',
  ],
  'secret-whitespace': [
    'The secret that made the signature has white space or quotes around it.',
    'Remove the line break, space or quotes around the secret access key.',
  ],
  'path-encoded-once': [
    'The path was encoded once in the canonical request. Every service but S3 encodes each segment of the wire’s path once more.',
    'Encode the path of the URL again before you hash it (S3 alone does not), or let an AWS SDK sign.',
  ],
  'path-decoded': [
    'The path was decoded before it was signed.',
    'Sign the path as it is sent, and encode each segment once more.',
  ],
  'path-not-normalised': [
    'The path was signed with its dots or empty segments; the server removes them first.',
    'Normalise the path before you sign it.',
  ],
  'trailing-slash': [
    'The path was signed with another ending: one side has a trailing slash.',
    'Send exactly the path that was signed; look for a proxy or router that adds or removes the slash.',
  ],
  'path-rewritten': [
    'The path was rewritten after it was signed.',
    'Turn off path rewriting between client and endpoint, or sign the path that arrives.',
  ],
  'query-order': [
    'The parameters of the query were signed in the order of the URL, not sorted.',
    'Sort the parameters by encoded name, then by value, before you hash.',
  ],
  'query-encoding': [
    'The query was encoded in another way when it was signed: reserved characters left as they are, or lower-case hex.',
    'Encode all but A-Z a-z 0-9 - _ . ~ as %XX with capital digits.',
  ],
  'query-plus': [
    'A space in the query is a + on one side and %20 on the other.',
    'Write spaces as %20, on the wire and in the canonical query.',
  ],
  'query-added': [
    'The query that arrived is not the one that was signed: it was signed without one.',
    'Sign the query too; look for a hop that adds parameters.',
  ],
  'host-rewritten': [
    'The Host that arrived is not the one that was signed: something on the way rewrote it.',
    'Do not forward another Host: in CloudFront take the origin request policy AllViewerExceptHostHeader, in a proxy keep the original.',
  ],
  'port-dropped': [
    'The host was signed without its port, and the port is not the default one.',
    'Sign host:port as the Host header has it.',
  ],
  'body-reserialised': [
    'The body was written anew after it was signed: the same JSON, other bytes.',
    'Serialise once, sign those bytes, send those bytes.',
  ],
  'body-changed': [
    'The body that arrived is not the body that was signed.',
    'Serialise once, sign those bytes, send those bytes; look for a hop that changes bodies.',
  ],
  'body-not-hashed': [
    'The signature was made over an empty body, and a body was sent.',
    'Sign when the body is there; a stream cannot be signed.',
  ],
  'unsigned-payload': [
    'The payload is marked as unsigned; this service wants its hash.',
    'Send the SHA-256 of the body as x-amz-content-sha256.',
  ],
  'wrong-service': ['The signature is for another service.', 'Sign for the service of the endpoint.'],
  'wrong-region': ['The signature is for another region.', 'Sign for the region of the endpoint.'],
  'key-derived-otherwise': [
    'The signing key was derived for another day, region or service than the credential scope names.',
    'Derive the key from the day, region and service that stand in Credential=; keep no key beyond its day.',
  ],
  'clock-behind': [
    'The clock of the client is behind: the signature is too old.',
    'Set the clock (chronyc makestep, w32tm /resync), and sign when you send: a queue or retry makes signatures old.',
  ],
  'clock-ahead': [
    'The clock of the client is ahead: the signature is of the future.',
    'Set the clock: chronyc makestep, or w32tm /resync.',
  ],
  'presign-expired': ['The presigned URL is older than its X-Amz-Expires.', 'Make a new one.'],
  'session-token-missing': [
    'The key is temporary, and its session token was not sent.',
    'Send x-amz-security-token, and sign it.',
  ],
  'session-token-unsigned': [
    'The session token was sent, and not signed.',
    'Add x-amz-security-token before you sign, not after.',
  ],
  'session-token-wrong': [
    'The session token is not the one of this key: it expired, or is of another session.',
    'Get new credentials, all three parts: aws sso login, or aws sts assume-role.',
  ],
  'session-token-superfluous': [
    'A session token was sent with a key that is not temporary.',
    'Unset AWS_SESSION_TOKEN; it belongs to other keys.',
  ],
  'header-unsigned': [
    'A header that must be signed is not among SignedHeaders.',
    'Sign host and every x-amz-* header that is sent; look for a hop that adds one.',
  ],
  'header-changed': [
    'A signed header was changed on the way.',
    'Sign only host, content-type and x-amz-*: hops change the others.',
  ],
  'header-dropped': [
    'A signed header was removed on the way.',
    'Sign only host, content-type and x-amz-*: hops remove connection and the like.',
  ],
  'header-folding': [
    'A header was signed with its white space as it is; runs of spaces count as one, and repeated headers are joined by a comma without a space.',
    'Trim header values, make one space of many, and join repeated headers with a comma.',
  ],
  'method-changed': [
    'The method was changed on the way.',
    'Send the method that was signed; redirects turn POST into GET.',
  ],
} as const satisfies Record<string, readonly [why: string, fix: string]>

export type CauseId = keyof typeof causes
