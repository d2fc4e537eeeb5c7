/** A form of a page, as much of it as a sign-in needs. */
export interface Form {
  action: string
  method: 'get' | 'post'
  fields: Field[]
  buttons: Button[]
}

interface Field {
  name: string
  type: string
  value: string
}

interface Button {
  name?: string
  value: string
  /** What a person reads on it. */
  text: string
  /** Set when pressing it sends the form elsewhere. */
  action?: string
}

/** Reads the forms of a page. Fields that are not sent (unchecked boxes, disabled ones) are left out. */
export function formsOf(page: string): Form[] {
  const visible = page.replace(/<!--[\s\S]*?-->/g, '').replace(/<(script|style|template)\b[\s\S]*?<\/\1>/gi, '')
  return [...visible.matchAll(/<form\b([^>]*)>([\s\S]*?)<\/form>/gi)].map(([, head, body]) => {
    const { action = '', method = 'get' } = attributes(head!)
    return {
      action,
      method: method.toLowerCase() === 'post' ? 'post' : 'get',
      fields: fieldsOf(body!),
      buttons: buttonsOf(body!),
    }
  })
}

function fieldsOf(body: string): Field[] {
  return [...body.matchAll(/<input\b([^>]*)>/gi)].flatMap(([, text]) => {
    const given = attributes(text!)
    const type = (given.type ?? 'text').toLowerCase()
    if (!given.name || 'disabled' in given || ['submit', 'button', 'image', 'reset', 'file'].includes(type)) return []
    if ((type === 'checkbox' || type === 'radio') && !('checked' in given)) return []
    return [{ name: given.name, type, value: given.value ?? (type === 'checkbox' ? 'on' : '') }]
  })
}

function buttonsOf(body: string): Button[] {
  const buttons = [...body.matchAll(/<button\b([^>]*)>([\s\S]*?)<\/button>/gi)].map(
    ([, text, inner]) => [attributes(text!), decode(inner!.replace(/<[^>]*>/g, ' ')).trim()] as const,
  )
  const inputs = [...body.matchAll(/<input\b([^>]*)>/gi)]
    .map(([, text]) => attributes(text!))
    .filter(({ type }) => type?.toLowerCase() === 'submit')
    .map((given) => [given, given.value ?? ''] as const)
  return [...buttons, ...inputs]
    .filter(([{ type = 'submit', ...given }]) => type.toLowerCase() === 'submit' && !('disabled' in given))
    .map(([{ name, value = '', formaction }, text]) => ({
      value,
      text,
      ...(name ? { name } : {}),
      ...(formaction ? { action: formaction } : {}),
    }))
}

function attributes(text: string): Record<string, string> {
  const found = [...text.matchAll(/([^\s"'<>/=]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/g)]
  return Object.fromEntries(
    found.map(([, name, double, single, bare]) => [name!.toLowerCase(), decode(double ?? single ?? bare ?? '')]),
  )
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' }

function decode(text: string): string {
  return text.replace(
    /&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi,
    (whole, hex?: string, dec?: string, name?: string) => {
      if (name !== undefined) return entities[name.toLowerCase()] ?? whole
      const point = hex === undefined ? Number(dec) : Number.parseInt(hex, 16)
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole
    },
  )
}

const yes = /\b(allow|approve|authori[sz]e|accept|agree|grant|continue|confirm|consent|yes)\b/i
const no = /\b(deny|denied|cancel|reject|refuse|abort|decline|disallow|don['’]?t|not|no|back|log ?out|sign ?out)\b/i

/** The button that says yes, by its words, else by its value. */
export function yesButton(buttons: Button[]): Button | undefined {
  const open = openButtons(buttons)
  return open.find(({ text }) => yes.test(text)) ?? open.find(({ value, name }) => yes.test(`${value} ${name}`))
}

/** The button to press in a form: the one that says yes, else the only one that does not say no. */
export function approvingButton(buttons: Button[]): Button | undefined {
  const open = openButtons(buttons)
  return yesButton(buttons) ?? (open.length === 1 ? open[0] : undefined)
}

function openButtons(buttons: Button[]): Button[] {
  return buttons.filter(({ text, value, name }) => !no.test([text, value, name].join(' ')))
}
