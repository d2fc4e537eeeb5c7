/** A value as text. One inside a value is JSON: no style says otherwise. */
export function plain(value: unknown): string {
  if (typeof value === 'string') return value
  return value === null || value === undefined ? '' : JSON.stringify(value)
}
