import {
  BedrockAgentCoreClient,
  InvokeAgentRuntimeCommand,
  StopRuntimeSessionCommand,
  type InvokeAgentRuntimeCommandInput,
} from '@aws-sdk/client-bedrock-agentcore'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isRunning } from '../../support/processes.ts'
import { rpc, startRuntime, type TestRuntime } from './support.ts'

let test: TestRuntime
let client: BedrockAgentCoreClient
const session = 'session-of-the-aws-sdk-client-0123456789'

beforeAll(async () => {
  test = await startRuntime()
  client = clientOf(test.agent)
})
afterAll(async () => {
  client?.destroy()
  await test?.close()
})

const clientOf = (identity: TestRuntime['agent']) => {
  const { accessKeyId, secretAccessKey, sessionToken } = identity
  return new BedrockAgentCoreClient({
    region: 'us-east-1',
    endpoint: test.runtime.endpoint.sdkEndpoint!,
    credentials: { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) },
    maxAttempts: 1,
  })
}
const input = (body: string, more: Partial<InvokeAgentRuntimeCommandInput> = {}): InvokeAgentRuntimeCommandInput => ({
  agentRuntimeArn: test.runtime.endpoint.arn!,
  contentType: 'application/json',
  accept: 'application/json, text/event-stream',
  payload: Buffer.from(body),
  ...more,
})
const where = rpc('tools/call', { name: 'where', arguments: {} })

describe('AWS’s own SDK client', () => {
  it('invokes an MCP server, by ARN and by id, and keeps to its session', async () => {
    const answer = await client.send(
      new InvokeAgentRuntimeCommand(
        input(rpc('tools/list'), { qualifier: 'DEFAULT', mcpProtocolVersion: '2025-11-25' }),
      ),
    )
    expect(answer).toMatchObject({ statusCode: 200, contentType: 'application/json' })
    expect(await answer.response!.transformToString()).toContain('"where"')
    expect(answer.mcpSessionId).toMatch(/^[a-zA-Z0-9][a-zA-Z0-9-_]*$/)
    expect(answer.mcpSessionId).toBe(answer.runtimeSessionId)
    const byId = await client.send(
      new InvokeAgentRuntimeCommand(
        input(rpc('ping'), {
          agentRuntimeArn: test.runtime.endpoint.arn!.split('/')[1]!,
          accountId: '000000000000',
          runtimeSessionId: session,
        }),
      ),
    )
    expect(byId.runtimeSessionId).toBe(session)
    expect(await byId.response!.transformToString()).toContain('"result":{}')
  })

  it('reads a stream', async () => {
    const params = { name: 'count', arguments: { to: 5, crash: false }, _meta: { progressToken: 1 } }
    const answer = await client.send(
      new InvokeAgentRuntimeCommand(input(rpc('tools/call', params), { mcpSessionId: session })),
    )
    expect(answer.contentType).toContain('text/event-stream')
    expect((await answer.response!.transformToString()).match(/notifications\/progress/g)).toHaveLength(5)
  })

  it('stops a session: its process is gone, and the next call has a new one', async () => {
    const pidOf = async () => {
      const answer = await client.send(new InvokeAgentRuntimeCommand(input(where, { runtimeSessionId: session })))
      const body = JSON.parse(await answer.response!.transformToString()) as { result: { content: { text: string }[] } }
      return (JSON.parse(body.result.content[0]!.text) as { pid: number }).pid
    }
    const pid = await pidOf()
    const stop = { agentRuntimeArn: test.runtime.endpoint.arn!, runtimeSessionId: session, qualifier: 'DEFAULT' }
    expect(await client.send(new StopRuntimeSessionCommand(stop))).toMatchObject({
      statusCode: 200,
      runtimeSessionId: session,
    })
    expect(isRunning(pid)).toBe(false)
    await expect(client.send(new StopRuntimeSessionCommand(stop))).rejects.toMatchObject({
      name: 'ResourceNotFoundException',
      $metadata: { httpStatusCode: 404 },
    })
    await expect(
      client.send(new StopRuntimeSessionCommand({ ...stop, runtimeSessionId: 'short' })),
    ).rejects.toMatchObject({ name: 'ValidationException', reason: 'FieldValidationFailed' })
    expect(await pidOf()).not.toBe(pid)
  })

  it('sees a refusal of its caller as the service’s exception, and one of an MCP server inside HTTP 200', async () => {
    const stranger = clientOf(test.stranger)
    await expect(stranger.send(new InvokeAgentRuntimeCommand(input(rpc('ping'))))).rejects.toMatchObject({
      name: 'AccessDeniedException',
      $metadata: { httpStatusCode: 403 },
    })
    stranger.destroy()
    const unknown = test.runtime.endpoint.arn!.replace('test_runtime', 'other')
    const answer = await client.send(new InvokeAgentRuntimeCommand(input(rpc('ping'), { agentRuntimeArn: unknown })))
    expect(await answer.response!.transformToString()).toContain('-32004')
  })
})
