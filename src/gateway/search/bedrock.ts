import { askAws, type AwsApi } from '../outbound/aws-api.ts'
import type { EmbeddingsBinding } from '../bindings.ts'
import type { Embedder } from './embeddings.ts'

/** The model that is asked when the bindings name none. */
const titan = 'amazon.titan-embed-text-v2:0'

/**
 * Embeds by a Titan text embeddings model of Amazon Bedrock, signed as the gateway's role, which needs `bedrock:InvokeModel`.
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
 */
export function bedrockEmbedder(
  { modelId = titan, dimensions = 512 }: EmbeddingsBinding,
  api: Pick<AwsApi, 'region' | 'endpoint' | 'credentials'>,
): Embedder {
  const path = `/model/${encodeURIComponent(modelId)}/invoke`
  const headers = { 'content-type': 'application/json', accept: 'application/json' }
  return {
    name: `${modelId} on Amazon Bedrock`,
    embed: async (inputText) => {
      const body = { inputText, dimensions, normalize: true }
      const { embedding } = await askAws({ ...api, service: 'bedrock' }, { path, headers, body })
      if (!Array.isArray(embedding) || embedding.length !== dimensions || !embedding.every(Number.isFinite))
        throw new Error(`its answer is no vector of ${dimensions} numbers`)
      return Float32Array.from(embedding as number[])
    },
  }
}

/** Where the models of a region are asked. */
export function bedrockRuntime(region: string): string {
  return `https://bedrock-runtime.${region}.amazonaws.com`
}
