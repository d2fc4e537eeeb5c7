/** Where sections are, read 2026-11-22. */
export const mcp = 'https://modelcontextprotocol.io/specification'
export const newest = `${mcp}/2026-07-28`
export const legacy = `${mcp}/2025-11-25`
export const aws = 'https://docs.aws.amazon.com'

export interface Check {
  /** A MUST fails, a SHOULD warns. */
  level: 'MUST' | 'SHOULD'
  title: string
  /** Where it is written, read 2026-11-22. */
  section: string
  fix: string
}
