/** Breaks a text into lines of so many columns at most, between words; lines after the first begin with `next`. */
export function wrapped(text: string, indent: string, next = indent, columns = 80): string[] {
  const lines: string[] = []
  let line = indent
  for (const word of text.split(' ')) {
    if (line.trim() !== '' && line.length + word.length + 1 > columns) {
      lines.push(line)
      line = next
    }
    line += line.trim() === '' ? word : ` ${word}`
  }
  return [...lines, line]
}
