import { listen, type Listening } from '../../src/http/node-server.ts'

export interface ServedList {
  url: string
  close(): Promise<void>
}

type Row = [usageType: string, family: string, tiers: [from: string, usd: string][]]

/**
 * Offer files in the documented shape, with what an offer file really has: prefixes, free tiers, neighbours.
 * @see https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/reading-an-offer.html
 */
const offers: Record<string, Row[]> = {
  AWSLambda: [
    ['EUC1-Request', 'Serverless', [['0', '0.0000002000']]],
    [
      'EUC1-Lambda-GB-Second',
      'Serverless',
      [
        ['0', '0.0000166667'],
        ['6000000000', '0.0000150000'],
      ],
    ],
    [
      'EUC1-Lambda-GB-Second-ARM',
      'Serverless',
      [
        ['7500000000', '0.0000120001'],
        ['0', '0.0000133334'],
      ],
    ],
    ['EUC1-Lambda-Provisioned-GB-Second-ARM', 'Serverless', [['0', '0.0000077778']]],
  ],
  AmazonECS: [
    ['EUC1-Fargate-ARM-vCPU-Hours:perCPU', 'Compute', [['0', '0.0372500000']]],
    ['EUC1-Fargate-ARM-GB-Hours', 'Compute', [['0', '0.0040900000']]],
    ['EUC1-Fargate-EphemeralStorage-GB-Hours', 'Compute', [['0', '0.0001270000']]],
  ],
  AWSELB: [
    ['EUC1-LoadBalancerUsage', 'Load Balancer', [['0', '0.0300000000']]],
    ['EUC1-LoadBalancerUsage', 'Load Balancer-Network', [['0', '0.0280000000']]],
    ['EUC1-LoadBalancerUsage', 'Load Balancer-Application', [['0', '0.0270000000']]],
    ['EUC1-LCUUsage', 'Load Balancer-Application', [['0', '0.0080000000']]],
  ],
  AmazonVPC: [['EUC1-PublicIPv4:InUseAddress', 'VpcPublicIPv4Address', [['0', '0.0050000000']]]],
  AmazonDynamoDB: [],
  AmazonCloudWatch: [
    ['EUC1-DataProcessing-Bytes', 'Data Payload', [['0', '0.6300000000']]],
    ['EUC1-DataProcessing-Bytes', 'Data Payload', [['0', '0.3150000000']]],
  ],
  AWSDataTransfer: [
    [
      'EUC1-DataTransfer-Out-Bytes',
      'Data Transfer',
      [
        ['0', '0.0000000000'],
        ['100', '0.0900000000'],
        ['10240', '0.0850000000'],
      ],
    ],
    ['EUC1-USE1-AWS-Out-Bytes', 'Data Transfer', [['0', '0.0200000000']]],
  ],
  AmazonBedrockAgentCore: [
    ['EUC1-Runtime:Consumption-based:vCPU', 'AgentCore', [['0', '0.0895000000']]],
    ['EUC1-Runtime:Consumption-based:Memory', 'AgentCore', [['0', '0.0094500000']]],
    ['EUC1-Gateway:Consumption-based:API-Invocations', 'AgentCore', [['0', '0.0000050000']]],
  ],
}

/** Serves the price list as AWS does: the service index, a region index for each offer, an offer file for a region. */
export async function servePriceList(): Promise<ServedList> {
  const server: Listening = await listen(async (request) => {
    const path = new URL(request.url).pathname
    if (path === '/offers/v1.0/aws/index.json') return Response.json(serviceIndex())
    const [, code, file] = /^\/offers\/v1\.0\/aws\/(\w+)\/(.+)$/.exec(path) ?? []
    if (code && file === 'current/region_index.json') return Response.json(regionIndex(code))
    if (code && file === '20261103000000/eu-central-1/index.json') return Response.json(offerFile(code, offers[code]!))
    return new Response('<Error><Code>AccessDenied</Code></Error>', { status: 403 })
  })
  return { url: server.url, close: () => server.close() }
}

const head = { formatVersion: 'v1.0', disclaimer: '…', publicationDate: '2026-11-03T00:00:00Z' }

function serviceIndex(): unknown {
  const rows = Object.keys(offers).map((code) => [
    code,
    {
      offerCode: code,
      currentVersionUrl: `/offers/v1.0/aws/${code}/current/index.json`,
      currentRegionIndexUrl: `/offers/v1.0/aws/${code}/current/region_index.json`,
    },
  ])
  return { ...head, offers: Object.fromEntries(rows) as unknown }
}

function regionIndex(code: string): unknown {
  const region = code === 'AmazonDynamoDB' ? 'us-east-1' : 'eu-central-1'
  const currentVersionUrl = `/offers/v1.0/aws/${code}/20261103000000/${region}/index.json`
  return { ...head, regions: { [region]: { regionCode: region, currentVersionUrl } } }
}

function offerFile(code: string, rows: Row[]): unknown {
  const products: Record<string, unknown> = {}
  const terms: Record<string, unknown> = {}
  for (const [at, [usagetype, productFamily, tiers]] of rows.entries()) {
    const sku = `SKU${code}${at}`
    products[sku] = { sku, productFamily, attributes: { servicecode: code, usagetype, regionCode: 'eu-central-1' } }
    const priceDimensions = Object.fromEntries(
      tiers.map(([beginRange, USD], tier) => [
        `${sku}.JRTCKXETXF.${tier}`,
        { unit: 'each', beginRange, endRange: 'Inf', pricePerUnit: { USD }, appliesTo: [] },
      ]),
    )
    terms[sku] = { [`${sku}.JRTCKXETXF`]: { offerTermCode: 'JRTCKXETXF', sku, priceDimensions, termAttributes: {} } }
  }
  return { ...head, offerCode: code, version: '20261103000000', products, terms: { OnDemand: terms } }
}
