/** What a member of an AWS request may be, in the words of AWS's own service models. */
export type Shape =
  | { kind: 'string'; pattern?: RegExp; min?: number; max?: number; enum?: readonly string[] }
  | { kind: 'integer'; min: number; max: number }
  | { kind: 'boolean' }
  | { kind: 'list'; of: () => Shape; min?: number; max?: number }
  | { kind: 'map'; of: () => Shape; min?: number; max?: number }
  | { kind: 'structure'; members: Readonly<Record<string, Member>>; union?: boolean }
  /** Another shape, or the one that it stands in. */
  | { kind: 'same'; as: () => Shape }
  /** Any JSON: who uses it checks it. */
  | { kind: 'document' }
  /** A member that AWS has and fairlead does not: refused by name, never ignored. */
  | { kind: 'refused'; why: string }

export interface Member {
  shape: Shape
  required?: boolean
}

/** `pattern` must match the whole text, as AWS means it. */
export function text(pattern?: string, { min, max }: { min?: number; max?: number } = {}): Shape {
  return {
    kind: 'string',
    ...(pattern === undefined ? {} : { pattern: new RegExp(`^(?:${pattern})$`) }),
    ...(min === undefined ? {} : { min }),
    ...(max === undefined ? {} : { max }),
  }
}

export function oneOf(...values: string[]): Shape {
  return { kind: 'string', enum: values }
}

export function list(of: Shape | (() => Shape), min?: number, max?: number): Shape {
  const range = { ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
  return { kind: 'list', of: typeof of === 'function' ? of : () => of, ...range }
}

export function map(of: () => Shape, min?: number, max?: number): Shape {
  return { kind: 'map', of, ...(min === undefined ? {} : { min }), ...(max === undefined ? {} : { max }) }
}

/** A name that ends in `*` is required. */
export function structure(members: Record<string, Shape>): Shape & { kind: 'structure' } {
  return {
    kind: 'structure',
    members: Object.fromEntries(
      Object.entries(members).map(([name, shape]) =>
        name.endsWith('*') ? [name.slice(0, -1), { shape, required: true }] : [name, { shape }],
      ),
    ),
  }
}

/** Exactly one member is set. */
export function union(members: Record<string, Shape>): Shape {
  return { ...structure(members), union: true }
}

export function refused(why: string): Shape {
  return { kind: 'refused', why }
}
