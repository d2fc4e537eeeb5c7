export type Properties = Record<string, unknown>

export interface Resource {
  id: string
  type: string
  properties: Properties
}

/** All resources of a template, for a rule to look at. */
export interface Template {
  resources: Resource[]
  of: (type: string) => Resource[]
}

export interface Rule {
  level: 'MUST' | 'SHOULD'
  fix: string
  section: string
  /** What is wrong, resource by resource. */
  wrong: (template: Template) => [resource: string, says: string][]
}

export const aws = 'https://docs.aws.amazon.com'
export const text = (value: unknown) => (typeof value === 'string' ? value : '')
export const number = (value: unknown) => (typeof value === 'number' ? value : Number(value))
export const list = (value: unknown): Properties[] => (Array.isArray(value) ? (value as Properties[]) : [])
export const object = (value: unknown): Properties =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Properties) : {}
/** What a Ref or GetAtt names, or the text itself. */
export const named = (value: unknown): string => {
  const { Ref, 'Fn::GetAtt': attribute } = object(value)
  return text(value) || text(Ref) || text(Array.isArray(attribute) ? attribute[0] : attribute)
}
export const attributes = (value: unknown) => new Map(list(value).map(({ Key, Value }) => [text(Key), text(Value)]))

/** Whether its value is decided when the stack is made: a rule says nothing of it. */
export const isOpen = (value: unknown): boolean => {
  const [name, ...more] = Object.keys(object(value))
  return name !== undefined && more.length === 0 && (name === 'Ref' || name.startsWith('Fn::'))
}
/** CloudFormation takes `true` and `"true"`. */
export const isTrue = (value: unknown): boolean => value === true || value === 'true'

/** The time that tools may take, as the load balancer and CloudFront must wait for them: the longest timeout of a Lambda. */
export function longest({ of }: Template): number {
  return Math.max(0, ...of('AWS::Lambda::Function').map(({ properties }) => number(properties.Timeout) || 3))
}
