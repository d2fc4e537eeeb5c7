import type { Credentials } from '../../auth/sigv4/credentials.ts'
import { sigv4Fetch } from '../../auth/sigv4/fetch.ts'
import { quoted, readText } from '../../http/quoted.ts'
import type { EmbeddingsBinding } from '../bindings.ts'
import type { Embedder } from './embeddings.ts'

/** The model that is asked when the bindings name none. */
const titan = 'amazon.titan-embed-text-v2:0'
const timeoutMs = 5000
const maxBytes = 1024 * 1024

/**
 * Embeds by a Titan text embeddings model of Amazon Bedrock, signed as the gateway's role, which needs `bedrock:InvokeModel`.
 * @see https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-titan-embed-text.html
 */
export function bedrockEmbedder(
  { modelId = titan, dimensions = 512 }: EmbeddingsBinding,
  { endpoint, region, credentials }: { endpoint: string; region: string; credentials: () => Promise<Credentials> },
): Embedder {
  const url = new URL(`/model/${encodeURIComponent(modelId)}/invoke`, endpoint)
  const signed = sigv4Fetch({ service: 'bedrock', region, credentials })
  return {
    name: `${modelId} on Amazon Bedrock`,
    embed: async (inputText) => {
      const response = await signed(url, {
        method: 'POST',
        headers: { 'content-type': 'application/json', accept: 'application/json' },
        body: JSON.stringify({ inputText, dimensions, normalize: true }),
        signal: AbortSignal.timeout(timeoutMs),
      })
      const text = (await readText(response, maxBytes)) ?? ''
      if (!response.ok) throw new Error(`it answered ${response.status}: ${quoted(text)}`)
      const { embedding } = JSON.parse(text) as { embedding?: unknown }
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
