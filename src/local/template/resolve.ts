import { physical } from './physical.ts'

/** A CloudFormation resource, as it stands in a template. */
export interface Resource {
  Type: string
  Condition?: string
  Properties?: Record<string, unknown>
  DependsOn?: string | string[]
}

export type Scalar = string | number | boolean

export interface Parameter {
  Type?: string
  /** A text, which YAML may take for something else. */
  Default?: Scalar
  AllowedValues?: Scalar[]
  AllowedPattern?: string
}

export interface Rule {
  RuleCondition?: unknown
  Assertions?: { Assert: unknown; AssertDescription?: string }[]
}

export interface Template {
  Resources: Record<string, Resource>
  Outputs?: Record<string, { Value: unknown; Condition?: string; Export?: { Name: unknown } }>
  Parameters?: Record<string, Parameter>
  Rules?: Record<string, Rule>
  Conditions?: Record<string, unknown>
  Mappings?: Record<string, Record<string, Record<string, unknown>>>
}

export interface Place {
  account: string
  region: string
  stack: string
}

/** What a template says that cannot be known from it, such as a name that AWS makes up, is made up here in the same form. */
export type Resolve = (value: unknown) => unknown

/**
 * Gives the function that fills in the intrinsic functions of a template as CloudFormation would. What other stacks export comes
 * in as `imports`.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
 */
export function resolver(template: Template, place: Place, imports: Readonly<Record<string, unknown>> = {}): Resolve {
  const { account, region, stack } = place
  const pseudo: Record<string, unknown> = {
    'AWS::AccountId': account,
    'AWS::Region': region,
    'AWS::Partition': 'aws',
    'AWS::URLSuffix': 'amazonaws.com',
    'AWS::StackName': stack,
    'AWS::StackId': `arn:aws:cloudformation:${region}:${account}:stack/${stack}/00000000-0000-4000-8000-000000000000`,
    'AWS::NoValue': undefined,
  }

  function resolve(value: unknown): unknown {
    if (Array.isArray(value)) return value.map(resolve).filter((each) => each !== undefined)
    if (typeof value !== 'object' || value === null) return value
    const [key, ...others] = Object.keys(value)
    const asked = (value as Record<string, unknown>)[key ?? '']
    if (key !== undefined && others.length === 0 && (key === 'Ref' || key.startsWith('Fn::'))) return call(key, asked)
    return Object.fromEntries(
      Object.entries(value)
        .map(([name, each]) => [name, resolve(each)] as const)
        .filter(([, each]) => each !== undefined),
    )
  }

  function call(name: string, asked: unknown): unknown {
    const list = () => asked as unknown[]
    switch (name) {
      case 'Ref':
        return reference(asked as string)
      case 'Fn::GetAtt':
        return attribute(typeof asked === 'string' ? asked.split('.', 2) : list().map(String))
      case 'Fn::Join':
        return (resolve(list()[1]) as unknown[]).join(list()[0] as string)
      case 'Fn::Sub':
        return substitute(Array.isArray(asked) ? asked : [asked])
      case 'Fn::Select':
        return (resolve(list()[1]) as unknown[])[Number(resolve(list()[0]))]
      case 'Fn::Split':
        return String(resolve(list()[1])).split(list()[0] as string)
      case 'Fn::If':
        return resolve(holds(list()[0] as string) ? list()[1] : list()[2])
      case 'Fn::Equals':
      case 'Fn::Not':
      case 'Fn::And':
      case 'Fn::Or':
      case 'Fn::Contains':
        return truth({ [name]: asked })
      case 'Fn::ImportValue':
        return imports[String(resolve(asked))]
      case 'Fn::GetAZs':
        return ['a', 'b', 'c'].map((zone) => region + zone)
      case 'Fn::FindInMap': {
        const [map, first, second] = list().map((each) => String(resolve(each))) as [string, string, string]
        return template.Mappings?.[map]?.[first]?.[second]
      }
      case 'Fn::Base64':
        return Buffer.from(String(resolve(asked))).toString('base64')
      default:
        throw new Error(`${name} is not a function that is known here`)
    }
  }

  function reference(id: string): unknown {
    if (id in pseudo) return pseudo[id]
    if (template.Parameters && Object.hasOwn(template.Parameters, id)) return parameter(id, template.Parameters[id]!)
    return physical(id, resourceOf(id), undefined, { ...place, resolve })
  }

  function parameter(id: string, { Type, Default }: Parameter): unknown {
    if (Default === undefined) throw new Error(`The parameter ${id} has no Default, and here it has no other value`)
    if (Type !== 'CommaDelimitedList' && !Type?.startsWith('List<')) return Default
    return String(Default)
      .split(',')
      .map((each) => each.trim())
  }

  function attribute([id, name]: string[]): unknown {
    return physical(id!, resourceOf(id!), name, { ...place, resolve })
  }

  function resourceOf(id: string): Resource {
    if (!Object.hasOwn(template.Resources, id)) throw new Error(`The template has no resource ${id}`)
    const { Condition } = template.Resources[id]!
    if (Condition !== undefined && !holds(Condition))
      throw new Error(`${id} is named, which is not made: its condition ${Condition} does not hold`)
    return template.Resources[id]!
  }

  function substitute([text, own = {}]: unknown[]): string {
    return (text as string).replaceAll(/\$\{(!?)([^}]+)\}/g, (whole, literal: string, name: string) => {
      if (literal) return `\${${name}}`
      if (Object.hasOwn(own as object, name)) return String(resolve((own as Record<string, unknown>)[name]))
      return String(name.includes('.') ? attribute(name.split('.', 2)) : reference(name))
    })
  }

  function holds(condition: string): boolean {
    if (!template.Conditions || !Object.hasOwn(template.Conditions, condition))
      throw new Error(`The template has no condition ${condition}`)
    return truth(template.Conditions[condition])
  }

  /** Values are compared as text, as parameters are. */
  function truth(value: unknown): boolean {
    const [name, asked] = Object.entries((value ?? {}) as Record<string, unknown>)[0] ?? []
    const list = () => asked as unknown[]
    if (name === 'Fn::Equals') return String(resolve(list()[0])) === String(resolve(list()[1]))
    if (name === 'Fn::Not') return !truth(list()[0])
    if (name === 'Fn::And') return list().every(truth)
    if (name === 'Fn::Or') return list().some(truth)
    if (name === 'Fn::Contains')
      return (resolve(list()[0]) as unknown[]).map(String).includes(String(resolve(list()[1])))
    if (name === 'Condition') return holds(String(asked))
    throw new Error(`${name ?? 'Nothing'} is no condition`)
  }

  return resolve
}
