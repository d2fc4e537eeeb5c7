export interface PolicyStatement {
  Sid: string
  Effect: 'Allow'
  Principal: { AWS: readonly string[] }
  Action: string
  Resource: string
  Condition?: { StringEquals: Record<string, string> } | { Bool: Record<string, string> }
}

export interface PolicyDocument {
  Version: '2012-10-17'
  Statement: PolicyStatement[]
}

/** What a policy was asked when it refused. */
export interface Decision {
  principal: string
  action: string
  resource: string
  /** Condition keys and their values, as the service fills them. */
  context: Record<string, string>
  policy: PolicyDocument
}

/**
 * The two statements that let callers invoke a function through its URL. Both are needed since October 2025:
 * a function with the first one alone answers 403.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html (read 2026-11-22)
 */
export function functionUrlPolicy(functionArn: string, callers: readonly string[]): PolicyDocument {
  const to = { Effect: 'Allow', Principal: { AWS: [...callers] }, Resource: functionArn } as const
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'FunctionUrl',
        ...to,
        Action: 'lambda:InvokeFunctionUrl',
        Condition: { StringEquals: { 'lambda:FunctionUrlAuthType': 'AWS_IAM' } },
      },
      {
        Sid: 'InvokeThroughUrl',
        ...to,
        Action: 'lambda:InvokeFunction',
        Condition: { Bool: { 'lambda:InvokedViaFunctionUrl': 'true' } },
      },
    ],
  }
}

/**
 * The statements that let callers invoke an AgentCore Runtime and stop their sessions. Who sets
 * X-Amzn-Bedrock-AgentCore-Runtime-User-Id needs InvokeAgentRuntimeForUser too, which nobody is given here.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/resource-based-policies.html (read 2026-11-22)
 */
export function agentRuntimePolicy(runtimeArn: string, callers: readonly string[]): PolicyDocument {
  const to = { Effect: 'Allow', Principal: { AWS: [...callers] }, Resource: runtimeArn } as const
  return {
    Version: '2012-10-17',
    Statement: [
      { Sid: 'Invoke', ...to, Action: 'bedrock-agentcore:InvokeAgentRuntime' },
      { Sid: 'StopSession', ...to, Action: 'bedrock-agentcore:StopRuntimeSession' },
    ],
  }
}

/**
 * The statement that lets callers invoke an AgentCore Gateway with IAM.
 * @see https://docs.aws.amazon.com/bedrock-agentcore/latest/devguide/gateway-inbound-auth.html (read 2026-11-22)
 */
export function gatewayPolicy(gatewayArn: string, callers: readonly string[]): PolicyDocument {
  return {
    Version: '2012-10-17',
    Statement: [
      {
        Sid: 'InvokeGateway',
        Effect: 'Allow',
        Principal: { AWS: [...callers] },
        Action: 'bedrock-agentcore:InvokeGateway',
        Resource: gatewayArn,
      },
    ],
  }
}
