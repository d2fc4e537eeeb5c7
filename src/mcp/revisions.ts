/** `legacy` revisions begin with `initialize`; `modern` ones are stateless, and each request says its revision itself. */
export type Era = 'legacy' | 'modern'

/**
 * The revisions that one endpoint serves.
 * @see https://modelcontextprotocol.io/specification/versioning (read 2026-11-22)
 */
export const revisions = {
  '2025-03-26': { era: 'legacy', batches: true },
  '2025-06-18': { era: 'legacy', batches: false },
  '2025-11-25': { era: 'legacy', batches: false },
  '2026-07-28': { era: 'modern', batches: false },
} as const satisfies Record<string, { era: Era; batches: boolean }>

/** What fairlead asks for when it is the client. */
export const newest = { legacy: '2025-11-25', modern: '2026-07-28' } as const satisfies Record<
  Era,
  keyof typeof revisions
>
