// The tools' side of AWS. A client is imported when it is first used: most cold starts need one of them, or none.

export interface Summary {
  account_id: string
  period: { start: string; end: string }
  total_usd: string
  by_service: { service: string; usd: string }[]
  resources: number
}

type Report = (progress: number, total: number, message: string) => Promise<void>

/** Whether the clients are pointed at the stand-in on this machine. */
export function isSample(): boolean {
  return process.env.AWS_ENDPOINT_URL_COST_EXPLORER?.startsWith('http://127.0.0.1:') ?? false
}

export async function accountSummary(accountId: string, abortSignal: AbortSignal): Promise<Summary> {
  const { CostExplorerClient, GetCostAndUsageCommand } = await import('@aws-sdk/client-cost-explorer')
  const period = lastDays(30)
  const client = new CostExplorerClient({})
  const { ResultsByTime = [] } = await client.send(
    new GetCostAndUsageCommand({
      TimePeriod: { Start: period.start, End: period.end },
      Granularity: 'MONTHLY',
      Metrics: ['UnblendedCost'],
      Filter: { Dimensions: { Key: 'LINKED_ACCOUNT', Values: [accountId] } },
      GroupBy: [{ Type: 'DIMENSION', Key: 'SERVICE' }],
    }),
    { abortSignal },
  )
  const groups = ResultsByTime.flatMap(({ Groups = [] }) => Groups)
  const by_service = groups.map(({ Keys, Metrics }) => ({
    service: Keys?.[0] ?? 'unknown',
    usd: Number(Metrics?.UnblendedCost?.Amount ?? 0).toFixed(2),
  }))
  const total = by_service.reduce((sum, { usd }) => sum + Number(usd), 0)
  return {
    account_id: accountId,
    period,
    total_usd: total.toFixed(2),
    by_service,
    resources: (await resourcesOf(accountId, abortSignal)).length,
  }
}

/** Looks through the resources in five steps, and says after each how far it is. */
export async function idleResources(
  accountId: string,
  report: Report,
  abortSignal: AbortSignal,
): Promise<{ arn: string; why: string }[]> {
  const arns = await resourcesOf(accountId, abortSignal)
  const steps = ['volumes', 'addresses', 'load balancers', 'NAT gateways', 'databases']
  const kinds = [':volume/', ':elastic-ip/', ':loadbalancer/', ':natgateway/', ':db:']
  const idle: { arn: string; why: string }[] = []
  for (const [at, step] of steps.entries()) {
    idle.push(
      ...arns.filter((arn) => arn.includes(kinds[at]!)).map((arn) => ({ arn, why: `tagged idle among the ${step}` })),
    )
    await report(at + 1, steps.length, `looked at the ${step}`)
  }
  return idle
}

export async function tagResource(
  { arn, key, value }: { arn: string; key: string; value: string },
  abortSignal: AbortSignal,
): Promise<{ arn: string; key: string; value: string }> {
  const { ResourceGroupsTaggingAPIClient, TagResourcesCommand } =
    await import('@aws-sdk/client-resource-groups-tagging-api')
  const { FailedResourcesMap = {} } = await new ResourceGroupsTaggingAPIClient({}).send(
    new TagResourcesCommand({ ResourceARNList: [arn], Tags: { [key]: value } }),
    { abortSignal },
  )
  const failed = FailedResourcesMap[arn]
  if (failed) throw new Error(`${failed.ErrorCode}: ${failed.ErrorMessage}`)
  return { arn, key, value }
}

async function resourcesOf(accountId: string, abortSignal: AbortSignal): Promise<string[]> {
  const { paginateGetResources, ResourceGroupsTaggingAPIClient } =
    await import('@aws-sdk/client-resource-groups-tagging-api')
  const arns: string[] = []
  for await (const { ResourceTagMappingList = [] } of paginateGetResources(
    { client: new ResourceGroupsTaggingAPIClient({}) },
    { TagFilters: [{ Key: 'account', Values: [accountId] }] },
    { abortSignal },
  ))
    arns.push(...ResourceTagMappingList.map(({ ResourceARN }) => ResourceARN ?? ''))
  return arns
}

function lastDays(days: number): { start: string; end: string } {
  const day = (ms: number) => new Date(ms).toISOString().slice(0, 10)
  return { start: day(Date.now() - days * 86_400_000), end: day(Date.now()) }
}
