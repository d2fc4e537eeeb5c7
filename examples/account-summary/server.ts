// The sample server: what an AWS account costs and holds, through the real AWS SDK clients.
import { McpServer } from '@modelcontextprotocol/server'
import * as z from 'zod'
import { accountSummary, idleResources, isSample, tagResource } from './aws.ts'

const accountId = z
  .string()
  .regex(/^\d{12}$/, 'an account id has 12 digits')
  .describe('AWS account id, 12 digits')
const summaryInput = z.object({ account_id: accountId })
const summaryOutput = z.object({
  account_id: z.string(),
  period: z.object({ start: z.string(), end: z.string() }),
  total_usd: z.string(),
  by_service: z.array(z.object({ service: z.string(), usd: z.string() })),
  resources: z.number().int(),
  sample: z.boolean(),
})
const idleOutput = z.object({
  account_id: z.string(),
  idle: z.array(z.object({ arn: z.string(), why: z.string() })),
  sample: z.boolean(),
})
const tagInput = z.object({
  arn: z.string().startsWith('arn:').describe('The resource to tag'),
  key: z.string().min(1).max(128),
  value: z.string().max(256),
})
const tagOutput = z.object({ arn: z.string(), key: z.string(), value: z.string(), sample: z.boolean() })

export default () => {
  const server = new McpServer({ name: 'aws-tools', version: '1.0.0' })

  server.registerTool(
    'get_account_summary',
    {
      description: 'Summarises cost and resources of an AWS account for the last 30 days.',
      inputSchema: summaryInput,
      outputSchema: summaryOutput,
      annotations: { readOnlyHint: true, openWorldHint: true },
    },
    async ({ account_id }, ctx) =>
      result({ ...(await accountSummary(account_id, ctx.mcpReq.signal)), sample: isSample() }),
  )

  server.registerTool(
    'find_idle_resources',
    {
      description: 'Finds resources that cost money and are not used. Reports progress while it works.',
      inputSchema: summaryInput,
      outputSchema: idleOutput,
      annotations: { readOnlyHint: true, openWorldHint: true },
    },
    async ({ account_id }, ctx) => {
      const progressToken = ctx.mcpReq._meta?.progressToken
      const report = async (progress: number, total: number, message: string) => {
        if (progressToken !== undefined)
          await ctx.mcpReq.notify({
            method: 'notifications/progress',
            params: { progressToken, progress, total, message },
          })
      }
      return result({
        account_id,
        idle: await idleResources(account_id, report, ctx.mcpReq.signal),
        sample: isSample(),
      })
    },
  )

  server.registerTool(
    'tag_resource',
    {
      description: 'Puts a tag on a resource.',
      inputSchema: tagInput,
      outputSchema: tagOutput,
      annotations: { readOnlyHint: false, destructiveHint: false, idempotentHint: true },
    },
    async (tag, ctx) => result({ ...(await tagResource(tag, ctx.mcpReq.signal)), sample: isSample() }),
  )

  return server
}

/** The same facts twice: structured for a program, as text for a model. */
function result<T extends { sample: boolean }>(facts: T) {
  const note = facts.sample ? 'This is sample data from a stand-in, not from AWS.\n' : ''
  return { structuredContent: facts, content: [{ type: 'text' as const, text: note + JSON.stringify(facts) }] }
}
