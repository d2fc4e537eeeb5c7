/** Whether a line is for who wants everything: what Lambda says around a call, and what a service did that is no error of its own. */
export function isDetail(line: string): boolean {
  return /^(START|END) |^\{("level":"(info|warn)",)?"event":/.test(line)
}
