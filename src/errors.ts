/** What a command ends with. @see docs/reference/cli.md */
export const exitCodes = {
  ok: 0,
  bug: 1,
  usage: 2,
  auth: 3,
  unreachable: 4,
  tool: 5,
  check: 6,
  aws: 7,
  interrupted: 130,
} as const

export type ExitKind = keyof typeof exitCodes

interface ErrorFacts {
  exit: ExitKind
  /** Why it happens, when the place that throws knows no better. */
  why: string
  /** What to do, as a sentence or a command to paste. */
  fix: string
}

/** Every code that fairlead can answer with: one table for code, docs, doctor and console. */
export const errors = {
  // configuration and the command line
  CONFIG_NOT_FOUND: {
    exit: 'usage',
    why: 'A command works on a project, and a project is a folder with a fairlead.config.ts.',
    fix: 'Go to the folder with fairlead.config.ts, or name it: fairlead dev --project FOLDER',
  },
  CONFIG_INVALID: {
    exit: 'usage',
    why: 'A key or a value in fairlead.config.ts is not one that fairlead knows.',
    fix: 'Correct the key that is named. All keys: docs/reference/config.md',
  },
  CONFIG_UNREADABLE: {
    exit: 'usage',
    why: 'fairlead.config.ts threw, or has a syntax error.',
    fix: 'Correct the file: node --check fairlead.config.ts',
  },
  SETTING_INVALID: {
    exit: 'usage',
    why: 'A process that runs an artifact reads its settings from environment variables.',
    fix: 'Set the variable that is named. All of them: docs/auth/oauth.md',
  },
  SETTING_UNREADABLE: {
    exit: 'aws',
    why: 'The role may not read it, it is not there, or the service did not answer twice.',
    fix: 'Let the role read the ARN that is named (secretsmanager:GetSecretValue, ssm:GetParameter), and see that it has a value.',
  },
  REGION_WITHOUT_AGENTCORE: {
    exit: 'usage',
    why: 'Amazon Bedrock AgentCore is not offered in every region.',
    fix: 'Take a region that has it, such as us-east-1 or eu-central-1, or the platform lambda or fargate. All of them: docs/platforms/agentcore-runtime.md',
  },
  IMAGE_MISSING: {
    exit: 'usage',
    why: 'The platform runs a container, and nothing says which image.',
    fix: "fairlead deploy makes the image and pushes it. With the constructs: image: { kind: 'registry', repository: '111122223333.dkr.ecr.us-east-1.amazonaws.com/NAME', digest: 'sha256:…' }",
  },
  USAGE: { exit: 'usage', why: 'The command line is not one that fairlead knows.', fix: 'fairlead --help' },
  BUG: {
    exit: 'bug',
    why: 'fairlead met something that it did not expect. This is a fault in fairlead.',
    fix: 'Run it again with --verbose and report what it prints.',
  },

  // choose, cost and prices
  WORKLOAD_INVALID: {
    exit: 'usage',
    why: 'A part of the workload cannot be, or contradicts another part.',
    fix: 'Correct the flag that is named. All flags: fairlead cost --help',
  },
  PRICE_MISSING: {
    exit: 'usage',
    why: 'The price was not read for that region, and fairlead does not guess one.',
    fix: 'fairlead prices refresh --region REGION',
  },
  PRICES_INVALID: {
    exit: 'usage',
    why: 'The file with your own prices is not one that fairlead prices refresh writes.',
    fix: 'Correct the file, or remove it: fairlead prices names it.',
  },
  PRICE_LIST_INVALID: {
    exit: 'aws',
    why: 'The public AWS price list answered with something else than an offer file.',
    fix: 'Try again later. The prices that were there before stay in use.',
  },
  TRAFFIC_TOO_LITTLE: {
    exit: 'usage',
    why: 'A month is only as good as the window that it is scaled from.',
    fix: 'Let fairlead dev answer at least 10 tool calls over at least a minute, or give --calls.',
  },

  // sessions and shared state (src/mcp, src/state)
  SECRET_MISSING: {
    exit: 'usage',
    why: 'The processes of a deployment trust each other, and the state that they seal, by one shared secret of 32 characters or more.',
    fix: 'Give every process the same secret: FAIRLEAD_SECRET=$(openssl rand -base64 48)',
  },

  // the local stack
  PORT_IN_USE: {
    exit: 'usage',
    why: 'Another process listens there, perhaps another fairlead dev.',
    fix: 'Stop it, or take other ports: fairlead dev --port 4200 (or --port 0)',
  },
  STACK_NOT_RUNNING: {
    exit: 'unreachable',
    why: 'There is no .fairlead/local.json here, or the process that wrote it has gone.',
    fix: 'fairlead dev',
  },
  STACK_ALREADY_RUNNING: {
    exit: 'usage',
    why: 'A project has one local stack at a time: its keys and .fairlead/local.json belong to it.',
    fix: 'Use the one that runs (fairlead tools), or stop it with Ctrl-C.',
  },
  STAND_IN_FAILED: {
    exit: 'usage',
    why: 'The module named by dev.standIn ended, or did not print {"url": …} within 10 s.',
    fix: 'Run it alone and read what it says: node STAND-IN',
  },
  UNREACHABLE: {
    exit: 'unreachable',
    why: 'Nothing answered at that address.',
    fix: 'Check the address, and that the server runs.',
  },
  NOT_MCP: {
    exit: 'unreachable',
    why: 'Something answered, but not as an MCP server does.',
    fix: 'Check the path: MCP endpoints usually end in /mcp.',
  },
  TOOL_UNKNOWN: { exit: 'usage', why: 'The server lists no tool of that name.', fix: 'fairlead tools' },
  TOOL_ARGUMENTS: {
    exit: 'usage',
    why: 'An argument is not one that the tool takes, or is not of its type.',
    fix: 'fairlead tools',
  },
  TOOL_FAILED: { exit: 'tool', why: 'The tool itself answered with an error.', fix: 'Read what the tool says.' },
  ACCESS_DENIED: {
    exit: 'auth',
    why: 'The endpoint refused the caller.',
    fix: 'See why: fairlead explain. Or call as an identity that may: --as agent',
  },
  SIGN_IN_FAILED: {
    exit: 'auth',
    why: 'The authorization server, or the way to it, did not lead to a token.',
    fix: 'See what the server says of it: the terminal of fairlead dev',
  },
  TOKEN_UNREADABLE: {
    exit: 'usage',
    why: 'A JWT is three parts of base64url with dots between, and the first two are JSON.',
    fix: 'Give the whole token: fairlead token --decode "$TOKEN"',
  },
  IDENTITY_UNKNOWN: {
    exit: 'usage',
    why: 'The local stack has no identity of that name.',
    fix: 'See the names in .fairlead/local.json: --as agent or --as stranger',
  },

  // reaching any endpoint (src/connect)
  CREDENTIALS_MISSING: {
    exit: 'auth',
    why: 'The standard AWS chain (environment, profile, SSO, process, container, instance) gave no credentials.',
    fix: 'aws configure, or name a profile that has some: --profile NAME',
  },
  CREDENTIALS_EXPIRED: {
    exit: 'auth',
    why: 'The endpoint says that the credentials have ended, and the AWS chain gave no newer ones.',
    fix: 'aws sso login',
  },
  AWS_SCOPE_UNKNOWN: {
    exit: 'usage',
    why: 'A signature names a service and a region. This host says neither, and a wrong guess is refused without a reason.',
    fix: 'Name both: --auth sigv4 --service lambda --region us-east-1',
  },
  CONNECTION_LOST: {
    exit: 'unreachable',
    why: 'The connection ended before the answer. Whether the call was done is not known, so it is not sent again.',
    fix: 'Look whether it was done, then call again.',
  },
  TIMED_OUT: {
    exit: 'unreachable',
    why: 'The endpoint took the request and sent nothing.',
    fix: 'Check the server, or wait longer: --timeout SECONDS',
  },
  REDIRECTED: {
    exit: 'unreachable',
    why: 'A redirect is not followed to another origin: credentials are for one endpoint.',
    fix: 'If the new address is right, use it.',
  },
  READ_ONLY: {
    exit: 'usage',
    why: 'With --read-only, tools that are not annotated readOnlyHint cannot be called.',
    fix: 'Leave out --read-only.',
  },
  MESSAGE_TOO_LARGE: {
    exit: 'usage',
    why: 'A message may have 10 MB. AWS takes 6 MB at a function URL.',
    fix: 'Send less, or a reference to it.',
  },
  MESSAGE_UNREADABLE: {
    exit: 'usage',
    why: 'stdin carries one JSON-RPC message a line, and this line is none.',
    fix: 'Start it from an MCP client: fairlead connect',
  },

  CLIENT_UNKNOWN: {
    exit: 'usage',
    why: 'fairlead connect knows ten MCP clients by name.',
    fix: 'See them: fairlead connect',
  },
  CLIENT_SETTINGS_UNREADABLE: {
    exit: 'usage',
    why: 'The file of the client is not what its format asks for, so it is left as it is.',
    fix: 'Correct the file, or add the entry by hand: fairlead connect CLIENT prints it.',
  },

  // bearer tokens (src/auth/bearer)
  TOKEN_MISSING: {
    exit: 'auth',
    why: 'The request has no bearer token.',
    fix: 'Sign in first: fairlead token --as ada, or let the client follow the WWW-Authenticate header.',
  },
  TOKEN_MALFORMED: {
    exit: 'auth',
    why: 'What was sent as a token is not a JWT, or the Authorization header is not one scheme and one token.',
    fix: 'Send one header: Authorization: Bearer TOKEN',
  },
  TOKEN_ALGORITHM: {
    exit: 'auth',
    why: 'The token is signed with another algorithm than its issuer uses here.',
    fix: 'Get a token from the authorization server that the metadata names.',
  },
  TOKEN_HEADER: {
    exit: 'auth',
    why: 'The header of the token brings a key, or names none.',
    fix: 'Get a token from the authorization server that the metadata names.',
  },
  TOKEN_ISSUER: {
    exit: 'auth',
    why: 'The token comes from another issuer.',
    fix: 'Get a token from the authorization server that the metadata names.',
  },
  TOKEN_AUDIENCE: {
    exit: 'auth',
    why: 'The token is for another server.',
    fix: 'Ask for the token with resource=URL of this endpoint, exactly as its metadata has it.',
  },
  TOKEN_TYPE: {
    exit: 'auth',
    why: 'The token is no access token.',
    fix: 'Send the access_token of the token response, not the id_token.',
  },
  TOKEN_CLIENT: {
    exit: 'auth',
    why: 'The client that got the token is not one that this server knows.',
    fix: 'Add its id to `oauth.clients` in fairlead.config.ts.',
  },
  TOKEN_CLAIM: {
    exit: 'auth',
    why: 'The token lacks a claim that an access token must have.',
    fix: 'Get a token from the authorization server that the metadata names.',
  },
  TOKEN_EXPIRED: { exit: 'auth', why: 'The token has expired.', fix: 'Refresh it, or sign in again.' },
  TOKEN_NOT_YET: {
    exit: 'auth',
    why: 'The token is of the future: the clock of its issuer and ours differ.',
    fix: 'Set the clocks right.',
  },
  TOKEN_SIGNATURE: {
    exit: 'auth',
    why: 'The token was not signed by its issuer, or was changed.',
    fix: 'Get a token from the authorization server that the metadata names.',
  },
  TOKEN_KEY_UNKNOWN: {
    exit: 'auth',
    why: 'The token names a key that its issuer does not publish.',
    fix: 'Get a new token. If the issuer has changed its keys just now, wait 30 s.',
  },
  TOKEN_KEYS_UNREACHABLE: {
    exit: 'unreachable',
    why: 'The keys of the issuer cannot be read, so no token can be verified.',
    fix: 'Check that the authorization server answers at the jwks_uri of its metadata.',
  },
  ORIGIN_SECRET: {
    exit: 'auth',
    why: 'A function URL behind CloudFront was called directly.',
    fix: 'Call the CloudFront address, not the function URL.',
  },
  SCOPE_MISSING: {
    exit: 'auth',
    why: 'The token lacks a scope that the tool needs.',
    fix: 'Ask for the scopes that the challenge lists, or sign in as somebody who may have them.',
  },
  BODY_UNREADABLE: {
    exit: 'usage',
    why: 'The body is not JSON, or is larger or deeper than it may be, so the scopes of a call cannot be told.',
    fix: 'Send one JSON-RPC message.',
  },
  DPOP_MISSING: {
    exit: 'auth',
    why: 'The token is bound to a key, and came without a proof of it.',
    fix: 'Send it as Authorization: DPoP TOKEN, with a DPoP header.',
  },
  DPOP_PROOF: {
    exit: 'auth',
    why: 'The DPoP proof is not one for this request, this token and this key, or was used before.',
    fix: 'Make a new proof for each request.',
  },

  // bringing a server (src/server, src/build)
  SERVER_NOT_FOUND: {
    exit: 'usage',
    why: '`server.entry` in fairlead.config.ts names a file that is not there.',
    fix: 'Correct the path; it is read from the folder of fairlead.config.ts.',
  },
  SERVER_BROKEN: {
    exit: 'usage',
    why: 'The server could not be built or loaded: it has a syntax error, or imports what is not there.',
    fix: 'Correct what is named.',
  },
  SERVER_NO_FACTORY: {
    exit: 'usage',
    why: 'A server module exports, by default, a function that makes an McpServer.',
    fix: 'Write: export default () => { const server = new McpServer(…); …; return server }',
  },
  SERVER_THROWS: {
    exit: 'usage',
    why: 'The module of the server threw when it was loaded.',
    fix: 'Correct what is named.',
  },
  SERVER_SILENT: {
    exit: 'usage',
    why: 'The server did not come up in time.',
    fix: 'Look for something in it that waits for ever, such as a top-level await.',
  },
  COMMAND_FILES: {
    exit: 'usage',
    why: 'A command is deployed with the folder that it runs in: `server.cwd`, else the project.',
    fix: 'Put what the command needs into that folder. What goes along: docs/platforms/lambda.md',
  },
  COMMAND_NOT_FOUND: {
    exit: 'usage',
    why: '`server.command` in fairlead.config.ts is not a program that can be started.',
    fix: 'Install it, or write its whole path.',
  },
  COMMAND_ENDED: {
    exit: 'usage',
    why: 'The command ended instead of serving.',
    fix: 'Run it alone and read what it says.',
  },

  // the artifact (src/build)
  NOT_REPRODUCIBLE: {
    exit: 'check',
    why: 'Two builds of the same sources gave different bytes: something in them depends on time, place or chance.',
    fix: 'Look for what changes in the two folders that are named.',
  },

  // SigV4 and IAM (src/auth/sigv4, src/local/iam): these stand in the log, beside AWS's own answer
  SIGV4_MISSING: {
    exit: 'auth',
    why: 'The request is not signed with AWS4-HMAC-SHA256.',
    fix: 'Sign it, as in: fairlead call TOOL',
  },
  SIGV4_MALFORMED: {
    exit: 'auth',
    why: 'The signature cannot be read.',
    fix: 'Sign with an AWS SDK, or with sigv4Fetch of fairlead.',
  },
  SIGV4_KEY_UNKNOWN: {
    exit: 'auth',
    why: 'Nobody has that access key id.',
    fix: 'Use the keys in .fairlead/local.json; they are made afresh for each project.',
  },
  SIGV4_WRONG_SERVICE: {
    exit: 'auth',
    why: 'The signature names another service.',
    fix: 'Sign for the service of the endpoint: `lambda`, or `bedrock-agentcore`.',
  },
  SIGV4_WRONG_REGION: {
    exit: 'auth',
    why: 'The signature names another region.',
    fix: 'Sign for the region of the endpoint.',
  },
  SIGV4_CLOCK_SKEW: {
    exit: 'auth',
    why: 'The clocks of client and server are more than five minutes apart.',
    fix: 'Set the clock, and sign when you send.',
  },
  SIGV4_EXPIRED: { exit: 'auth', why: 'The presigned URL is older than X-Amz-Expires.', fix: 'Sign a new one.' },
  SIGV4_SESSION_TOKEN: {
    exit: 'auth',
    why: 'The session token is missing, or does not belong to the key.',
    fix: 'Send x-amz-security-token with temporary keys, and sign it.',
  },
  SIGV4_HEADER_UNSIGNED: {
    exit: 'auth',
    why: 'host and every x-amz-* header must be signed.',
    fix: 'Add it to SignedHeaders.',
  },
  SIGV4_UNSIGNED_PAYLOAD: {
    exit: 'auth',
    why: 'Unsigned bodies are not taken.',
    fix: 'Send the SHA-256 of the body as x-amz-content-sha256.',
  },
  SIGV4_BODY_CHANGED: {
    exit: 'auth',
    why: 'The body that arrived is not the body that was signed.',
    fix: 'Serialise once, sign those bytes, send those bytes.',
  },
  SIGV4_MISMATCH: {
    exit: 'auth',
    why: 'The signature is of another request, or made with another secret.',
    fix: 'Compare secret, path, query and headers with what was sent.',
  },
  IAM_DENIED: {
    exit: 'auth',
    why: 'The caller is who it says, and no statement lets it in.',
    fix: 'Add its ARN to `callers` in fairlead.config.ts.',
  },

  POLICY_DENIED: {
    exit: 'auth',
    why: 'The caller was let in, and the gateway’s Cedar policies do not let it call this tool with these arguments.',
    fix: 'Let a policy permit it, or change the one that forbids it. Which one decided stands beside the call: docs/gateway.md#cedar-policies',
  },

  // the local Lambda (src/local/lambda): these stand in the log too
  HOST_FOREIGN: {
    exit: 'auth',
    why: 'The request was sent to another name than the endpoint has.',
    fix: 'Use the URL in .fairlead/local.json.',
  },
  LAMBDA_TIMEOUT: {
    exit: 'usage',
    why: 'The call took longer than the function may.',
    fix: 'Raise platforms.lambda.timeoutS, or make the tool faster.',
  },
  LAMBDA_CRASHED: {
    exit: 'usage',
    why: 'The process of the function ended in the middle of a call.',
    fix: 'Read its log lines above.',
  },
  LAMBDA_OUT_OF_MEMORY: {
    exit: 'usage',
    why: 'The function used more memory than it has.',
    fix: 'Raise platforms.lambda.memoryMb.',
  },
  LAMBDA_THROTTLED: {
    exit: 'usage',
    why: 'As many calls run as the function has environments.',
    fix: 'Raise platforms.lambda.concurrency, or call later.',
  },
  LAMBDA_TOO_LARGE: {
    exit: 'usage',
    why: 'Lambda takes and gives a limited size.',
    fix: 'Send less: 6 MB in, 6 MB whole or 200 MB streamed out.',
  },

  // the local AgentCore Runtime (src/local/agentcore-runtime): these stand in the log, beside the Runtime's own answer
  RUNTIME_NOT_FOUND: {
    exit: 'usage',
    why: 'There is no runtime of that ARN or id, or it has no endpoint of that qualifier.',
    fix: 'Use the URL in .fairlead/local.json.',
  },
  RUNTIME_REQUEST_INVALID: {
    exit: 'usage',
    why: 'A part of the request is not of the form that the Runtime takes.',
    fix: 'Correct the part that is named. Session ids of X-Amzn-Bedrock-AgentCore-Runtime-Session-Id have 33 to 256 characters.',
  },
  RUNTIME_ACCEPT: {
    exit: 'usage',
    why: 'The Runtime takes no MCP request whose Accept lacks one of the two types.',
    fix: 'Send: Accept: application/json, text/event-stream',
  },
  RUNTIME_SESSION_BUSY: {
    exit: 'usage',
    why: 'The session is being created or torn down, and takes one operation at a time until that is done.',
    fix: 'Send it again after a moment, a little later each time. MCP clients do not do it by themselves.',
  },
  RUNTIME_SESSIONS_FULL: {
    exit: 'usage',
    why: 'As many sessions run as may at once.',
    fix: "Stop sessions (StopRuntimeSession), wait until they are idle, or raise platforms['agentcore-runtime'].maxSessions.",
  },
  RUNTIME_START_FAILED: {
    exit: 'usage',
    why: 'The server of the session ended while it started, or did not listen in time.',
    fix: 'Read its log lines above.',
  },
  RUNTIME_CRASHED: {
    exit: 'usage',
    why: 'The process of the session ended in the middle of a call.',
    fix: 'Read its log lines above. The next call with the same session id starts a new process.',
  },
  RUNTIME_SERVER_REFUSED: {
    exit: 'usage',
    why: 'The server answered with a status of 400 or more, which the Runtime keeps to itself: clients see -32010.',
    fix: 'Read what the server said; on AWS it is in its CloudWatch logs.',
  },
  RUNTIME_TIMEOUT: {
    exit: 'usage',
    why: 'A call may take 15 minutes, and a stream 60.',
    fix: 'Make the tool faster, or let it answer at once and be asked again.',
  },

  // deploying (src/deploy)
  CDK_MISSING: {
    exit: 'usage',
    why: "Deploying is done by AWS's own CDK, which who never deploys need not install.",
    fix: 'npm install --save-dev @aws-cdk/toolkit-lib@1.40 aws-cdk-lib@2 constructs@10',
  },
  REGION_UNKNOWN: {
    exit: 'usage',
    why: 'The region is none of AWS that fairlead knows.',
    fix: 'Set it: AWS_REGION=us-east-1, or `environments.NAME.region` in fairlead.config.ts',
  },
  DEPLOY_REGION: {
    exit: 'usage',
    why: 'A deployment goes to one region, and not every service is in each of them.',
    fix: 'Set the region: AWS_REGION=us-east-1, or `region` of the environment in fairlead.config.ts.',
  },
  DEPLOY_TEMPLATE: {
    exit: 'check',
    why: 'CDK holds the templates against CloudFormation’s own schemas and rules, and found something.',
    fix: 'Correct what is named in fairlead.config.ts; without --validate the template is written all the same.',
  },
  NAME_REFUSED: {
    exit: 'usage',
    why: 'AWS takes only certain characters in a name, and only so many of them.',
    fix: 'Change `name` in fairlead.config.ts, or the name of the environment.',
  },
  ACCOUNT_WRONG: {
    exit: 'auth',
    why: 'The credentials are of another account than the one that the environment names.',
    fix: 'Use the credentials of that account: --profile NAME',
  },
  AWS_DENIED: {
    exit: 'auth',
    why: 'AWS knows the caller, and no policy allows it to do this.',
    fix: 'Ask for the permission that is named, or use another profile: --profile NAME',
  },
  AWS_THROTTLED: {
    exit: 'aws',
    why: 'AWS was asked more often than it answers, also after waiting several times.',
    fix: 'Run the same command again in a minute.',
  },
  NOT_BOOTSTRAPPED: {
    exit: 'aws',
    why: 'CDK keeps what it uploads in a bucket of the account, and deploys with roles that are made once for each region.',
    fix: 'fairlead deploy --bootstrap',
  },
  STACK_HALF_MADE: {
    exit: 'aws',
    why: 'An earlier deployment ended in a state that CloudFormation does not go on from by itself.',
    fix: 'See what is in the way: fairlead status',
  },
  STACK_IN_USE: {
    exit: 'usage',
    why: 'CloudFormation keeps what a stack gives out for as long as another stack takes it.',
    fix: 'Deploy both together, or destroy the one that takes it first: fairlead destroy --platform NAME',
  },
  STACK_NOT_DEPLOYED: {
    exit: 'usage',
    why: 'There is no stack of that name in this account and region.',
    fix: 'fairlead deploy',
  },
  DATA_AT_RISK: {
    exit: 'check',
    why: 'A user pool or a table that is replaced is a new and empty one: users and sessions are gone.',
    fix: 'Undo the change in fairlead.config.ts. If the data may go: --allow-replace',
  },
  NOT_CONFIRMED: {
    exit: 'usage',
    why: 'What changes an AWS account is confirmed first.',
    fix: 'Run it again and answer, or say it beforehand: --yes',
  },
  LOCAL_ARN: {
    exit: 'usage',
    why: 'The account 000000000000 is the one that dev plays; AWS does not have it.',
    fix: 'Write the ARN that it has on AWS, in the definition and as the key in the bindings, which say what it is here.',
  },
  CREDENTIAL_PROVIDER: {
    exit: 'aws',
    why: 'The managed gateway gets keys and tokens for its targets from credential providers of its account and region.',
    fix: 'docs/platforms/agentcore-gateway.md says which are made and which have to be there.',
  },
  QUOTA_EXCEEDED: {
    exit: 'aws',
    why: 'The account has a limit for this, and it is reached.',
    fix: 'Ask for more: https://console.aws.amazon.com/servicequotas',
  },
  DEPLOY_FAILED: {
    exit: 'aws',
    why: 'A resource could not be made, so CloudFormation went back to what was before.',
    fix: 'Mend what is named and run the same command again.',
  },
  DEPLOY_INTERRUPTED: {
    exit: 'interrupted',
    why: 'CloudFormation goes on with what it was given; nothing is undone by stopping here.',
    fix: 'Run the same command again: it waits for what is under way and goes on.',
  },
  PRINCIPAL_INVALID: {
    exit: 'usage',
    why: 'A principal is the ARN of an IAM role or user, or the number of an account.',
    fix: 'fairlead grant arn:aws:iam::111122223333:role/agent',
  },
  GRANT_NOT_POSSIBLE: {
    exit: 'usage',
    why: 'Grants are for endpoints that IAM guards.',
    fix: 'Where OAuth guards, users get scopes by their groups: docs/auth/oauth.md',
  },

  // doctor (src/doctor)
  TEMPLATE_NOT_RUNNABLE: {
    exit: 'usage',
    why: 'fairlead dev --from-template runs what fairlead synth wrote: the template with its assets beside it.',
    fix: 'Synthesize it again, and name the folder: fairlead synth && fairlead dev --from-template .fairlead/cdk.out',
  },
  TEMPLATE_UNREADABLE: {
    exit: 'usage',
    why: 'A template is CloudFormation, JSON or YAML, with Resources, of 1 MB at most.',
    fix: 'Give the template itself: cdk synth writes it to cdk.out/STACK.template.json.',
  },

  // explain (src/explain)
  REQUEST_UNKNOWN: {
    exit: 'usage',
    why: 'fairlead dev keeps the last requests of a project, 8 to 16 MB of them, in .fairlead/requests.jsonl.',
    fix: 'Make the request again, then: fairlead explain --last',
  },
  CAPTURE_UNREADABLE: {
    exit: 'usage',
    why: 'A capture is a HAR file, as browsers save it, or a curl command.',
    fix: 'Save it again from the network tab: Save all as HAR, or Copy as cURL (POSIX).',
  },

  // faults (fairlead dev --fault)
  FAULT_UNKNOWN: { exit: 'usage', why: 'There is no fault of that name.', fix: 'fairlead dev --fault list' },

  // the gateway
  GATEWAY_DEFINITION_INVALID: {
    exit: 'usage',
    why: 'The definition is not one that CreateGateway or CreateGatewayTarget takes.',
    fix: 'Correct the member that is named. The members are those of the AWS API reference.',
  },
  GATEWAY_NOT_SUPPORTED: {
    exit: 'usage',
    why: 'AWS has it, and this version of fairlead does not. It is refused, since to leave it out would change what the gateway does.',
    fix: 'Leave it out of the definition. What is supported: docs/gateway.md',
  },
  GATEWAY_BINDING: {
    exit: 'usage',
    why: 'A definition names something of AWS, and the bindings file does not say what it is here.',
    fix: 'Add it to the bindings file. Its members: docs/gateway.md',
  },
  GATEWAY_DOCUMENT: {
    exit: 'usage',
    why: 'The API document of a target cannot be used.',
    fix: 'Correct the document. What is read: docs/gateway.md',
  },
  GATEWAY_NOT_DEPLOYABLE: {
    exit: 'usage',
    why: 'deployAs asks for our own gateway, and deployed like this it would be open, or not do what is asked.',
    fix: 'Follow the message; docs/gateway.md says what goes with each authorizerType.',
  },
  GATEWAY_POLICY: {
    exit: 'usage',
    why: 'A Cedar policy of the gateway is not one that AWS would take for its tools.',
    fix: 'Correct the policy at the line that is named. What is checked: docs/gateway.md#cedar-policies',
  },
  CEDAR_MISSING: {
    exit: 'usage',
    why: 'The configuration has Cedar `policies`, and the engine that decides by them is a package of its own.',
    fix: 'npm install @cedar-policy/cedar-wasm',
  },
  GATEWAY_NOT_PORTABLE: {
    exit: 'check',
    why: 'deployAs is managed, and the managed service would refuse this or serve it otherwise.',
    fix: 'fairlead preflight lists all of it. Without deployAs: "managed" it runs here.',
  },
  // the image (src/deploy/oci)
  IMAGE_BASE_UNPINNED: {
    exit: 'usage',
    why: 'An image is worked out from the base image that fairlead.lock.json pins by digest. synth, plan and deploy pin it themselves when they may: not on CI, and a command that only looks pins nothing.',
    fix: 'Pin it once, with network, and commit the file: fairlead build --image --update-base',
  },
  IMAGE_BASE_INVALID: {
    exit: 'usage',
    why: 'The base image is none that can be built on, or fairlead.lock.json was changed by hand.',
    fix: 'Pin it afresh: fairlead build --image --update-base',
  },
  IMAGE_ARTIFACT_INVALID: {
    exit: 'usage',
    why: 'A layer is made of plain files and folders, with an index.js.',
    fix: 'Build the artifact again: fairlead build',
  },
  IMAGE_DIGEST: {
    exit: 'aws',
    why: 'What a registry gave or keeps has another digest than its name. Nothing of it was used.',
    fix: 'Try again. If it stays so, something between here and the registry changes what is sent.',
  },
  REGISTRY_DENIED: {
    exit: 'auth',
    why: 'The registry did not take the credentials, or they may not do this.',
    fix: 'Look at the credentials (aws sts get-caller-identity), and that they may push to the repository.',
  },
  REGISTRY_FAILED: {
    exit: 'aws',
    why: 'The registry answered as a registry does not.',
    fix: 'Read what it says. What was pushed stays, so the next try goes on from there.',
  },
  DOCKER_MISSING: {
    exit: 'usage',
    why: '--docker calls the docker program, or what CDK_DOCKER names, and there is none.',
    fix: 'Install it, or leave out --docker: fairlead makes and pushes the image itself.',
  },
  DOCKER_FAILED: {
    exit: 'aws',
    why: 'docker ended with an error.',
    fix: 'Read what it says, and look whether it runs: docker version. Or leave out --docker.',
  },
} as const satisfies Record<string, ErrorFacts>

export type ErrorCode = keyof typeof errors

export interface ErrorDetails {
  why?: string
  fix?: string
  cause?: unknown
}

/** An error that a user meets: a stable code, what happened, why, and what to do. Secrets stay out of all of them. */
export class FairleadError extends Error {
  readonly code: ErrorCode
  readonly why: string
  readonly fix: string

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.name = 'FairleadError'
    this.code = code
    this.why = details.why ?? errors[code].why
    this.fix = details.fix ?? errors[code].fix
  }

  get docs(): string {
    return `docs/errors/${this.code}.md`
  }

  get exitCode(): number {
    return exitCodes[errors[this.code].exit]
  }

  toJSON(): { code: ErrorCode; message: string; why: string; fix: string; docs: string } {
    return { code: this.code, message: this.message, why: this.why, fix: this.fix, docs: this.docs }
  }
}

/** Turns anything thrown into a FairleadError: what is not one already is a bug of ours. */
export function asFairleadError(thrown: unknown): FairleadError {
  if (thrown instanceof FairleadError) return thrown
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  return new FairleadError('BUG', message, { cause: thrown })
}
