import { defineConfig } from 'fairlead'

export default defineConfig({
  name: 'account-summary',
  server: { kind: 'module', entry: './server.ts' },
  callers: ['arn:aws:iam::000000000000:role/agent-execution-role'],
  permissions: [{ actions: ['ce:GetCostAndUsage', 'tag:GetResources', 'tag:TagResources'], resources: ['*'] }],
  scopes: {
    read: { description: 'Read what AWS accounts cost and hold', groups: ['analysts', 'operators'] },
    write: { description: 'Change tags of resources', groups: ['operators'] },
  },
  baseScopes: ['read'],
  tools: { find_idle_resources: { timeoutMs: 120_000 }, tag_resource: { scopes: ['write'] } },
  platforms: {
    lambda: { memoryMb: 1024, timeoutS: 60 },
    fargate: { tasks: 2 },
    'agentcore-runtime': { modernSessions: 'pool' },
    'agentcore-gateway': {
      gateway: '../brownfield/gateway.json',
      targets: ['../brownfield/orders.json', '../brownfield/inventory.json', '../brownfield/notes.json'],
      bindings: '../brownfield/bindings.json',
    },
  },
  dev: {
    standIn: './stand-in.ts',
    env: ['AWS_ENDPOINT_URL_COST_EXPLORER', 'AWS_ENDPOINT_URL_RESOURCE_GROUPS_TAGGING_API'],
  },
})
