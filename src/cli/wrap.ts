/** Breaks a text into lines of at most 80 columns, between words; lines after the first begin with `next`. */
export function wrapped(text: string, indent: string, next = indent): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + word.length + 1 > 80) {
      lines.push(line)
      line = next
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}
