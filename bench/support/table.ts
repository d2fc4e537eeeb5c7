/** One line of the result: what was measured, beside what is asked for. */
export interface Row {
  name: string
  measured: number
  unit: string
  /** Met when the measured value is at most, or at least, this. */
  goal?: { atMost: number } | { atLeast: number }
  note?: string
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}

export function isMet({ measured, goal }: Row): boolean {
  if (!goal) return true
  return 'atMost' in goal ? measured <= goal.atMost : measured >= goal.atLeast
}

export function print(rows: readonly Row[]): string {
  return rows
    .map((row) => {
      const goal = !row.goal ? '' : 'atMost' in row.goal ? `≤ ${row.goal.atMost}` : `≥ ${row.goal.atLeast}`
      const mark = row.goal ? (isMet(row) ? '✓' : '✗') : ' '
      return `${mark} ${row.name.padEnd(74)}${digits(row.measured).padStart(9)} ${row.unit.padEnd(6)}${goal.padEnd(9)}${row.note ?? ''}`
    })
    .join('\n')
}

function digits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}
