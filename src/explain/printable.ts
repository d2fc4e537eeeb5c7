/** What a client sent goes to a terminal: no control characters, and not for ever. */
export function printable(text: string): string {
  return text.replaceAll(/[^\x21-\x7e]/g, '?').slice(0, 128)
}
