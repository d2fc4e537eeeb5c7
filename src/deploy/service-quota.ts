import type { GetServiceQuotaResponse } from '@aws-sdk/client-service-quotas'
import { sigv4Fetch } from '../auth/sigv4/fetch.ts'
import { readText } from '../http/quoted.ts'
import type { OpenAws } from './toolkit-clients.ts'

export interface QuotaName {
  service: string
  code: string
}

const tooLongMs = 10_000

/**
 * Reads a quota as the account has it, or as AWS gives it to all where nobody has asked for more. Undefined where it cannot be
 * read, for whatever reason: then CloudFormation tells it. CDK's toolkit brings no client of this service.
 * @see https://docs.aws.amazon.com/servicequotas/2019-06-24/apireference/API_GetServiceQuota.html
 */
export async function serviceQuota(
  { credentials }: Pick<OpenAws, 'credentials'>,
  { service, code }: QuotaName,
  region: string,
): Promise<number | undefined> {
  const { AWS_ENDPOINT_URL_SERVICE_QUOTAS, AWS_ENDPOINT_URL } = process.env
  const endpoint =
    AWS_ENDPOINT_URL_SERVICE_QUOTAS ?? AWS_ENDPOINT_URL ?? `https://servicequotas.${region}.amazonaws.com`
  const ask = sigv4Fetch({ credentials, service: 'servicequotas', region })
  for (const operation of ['GetServiceQuota', 'GetAWSDefaultServiceQuota'])
    try {
      const response = await ask(new URL('/', endpoint), {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': `ServiceQuotasV20190624.${operation}`,
        },
        body: JSON.stringify({ ServiceCode: service, QuotaCode: code }),
        signal: AbortSignal.timeout(tooLongMs),
      })
      const text = (await readText(response, 64 * 1024)) ?? ''
      if (response.ok) return (JSON.parse(text) as GetServiceQuotaResponse).Quota?.Value
      if (!text.includes('NoSuchResourceException')) return undefined
    } catch {
      return undefined
    }
  return undefined
}
