import { randomUUID } from 'node:crypto'
import { parse } from 'yaml'
import { attributeOf, evaluate, physicalIdOf } from './resources.ts'
import { AwsError, type Answers, type Call } from './server.ts'

export interface Template {
  Resources?: Record<string, Resource>
  Outputs?: Record<string, { Value: unknown; Export?: unknown; Description?: string }>
  Parameters?: Record<string, { Default?: unknown; Type?: string }>
}

export interface Resource {
  Type: string
  Properties?: Record<string, unknown>
  DeletionPolicy?: string
}

interface Change {
  action: 'Add' | 'Modify' | 'Remove'
  id: string
  type: string
  replacement?: 'True' | 'False'
}

interface ChangeSet {
  id: string
  name: string
  body: string
  changes: Change[]
  at: Date
}

export interface Stack {
  name: string
  id: string
  status: string
  reason?: string
  template: string
  /** What runs, once it has been made: id and type. */
  resources: Map<string, { type: string; physicalId: string; status: string; at: Date }>
  outputs: Record<string, string>
  events: Record<string, unknown>[]
  changeSets: Map<string, ChangeSet>
  protected: boolean
  tags: unknown
  at: Date
}

export interface CloudFormationOptions {
  /** The region whose stacks are kept by their names alone. */
  home: string
  objects(bucket: string, key: string): string
  /** Why a resource cannot be made; by logical id or type. */
  failing: Map<string, string>
  /** Waits where a test holds a resource. */
  gate(id: string, type: string): Promise<void>
  /** Told of each resource that is there now, with its properties as text. */
  made(resource: { type: string; physicalId: string }, properties: Record<string, string>): void
  /** Told of each resource that was deleted. */
  gone(resource: { type: string; physicalId: string }): void
  /** Outputs that a test decides on, by stack and key. */
  outputs: Map<string, Record<string, string>>
  changed(): void
}

/** Properties whose change replaces the resource; the rest changes in place. Of the resources' own reference pages. */
const replacing: Record<string, string[]> = {
  'AWS::DynamoDB::Table': ['KeySchema', 'TableName'],
  'AWS::DynamoDB::GlobalTable': ['KeySchema', 'TableName'],
  'AWS::Cognito::UserPool': ['UsernameAttributes', 'AliasAttributes'],
  'AWS::Lambda::Function': ['FunctionName', 'PackageType'],
  'AWS::Logs::LogGroup': ['LogGroupName'],
}

/** JSON, or YAML as CDK's own bootstrap template is; its short forms of functions are not looked into. */
function parsed(body: string): Template {
  return (body.trimStart().startsWith('{') ? JSON.parse(body) : parse(body, { logLevel: 'silent' })) as Template
}

let last = 0

/** No two events happen at the same time, so that their order is known. */
function later(): Date {
  last = Math.max(last + 1, Date.now())
  return new Date(last)
}

/** CloudFormation: change sets, stacks that change resource by resource, events, rollback. */
export function cloudFormation(stacks: Map<string, Stack>, options: CloudFormationOptions): Answers {
  // A region knows its own stacks alone.
  const keyOf = (call: Call, name: string) => (call.region === options.home ? name : `${call.region}/${name}`)
  const find = (call: Call, name: string): Stack | undefined =>
    stacks.get(keyOf(call, name)) ??
    [...stacks.values()].find(({ id }) => id === name && id.split(':')[3] === call.region)
  const stackOf = (call: Call, name = call.input['StackName'] as string): Stack => {
    const found = find(call, name)
    // A stack that is gone still answers to its id.
    if (!found || (found.status === 'DELETE_COMPLETE' && found.id !== name))
      throw new AwsError('ValidationError', name.startsWith('arn:') ? `Stack [${name}] does not exist` : `Stack with id ${name} does not exist`) // prettier-ignore
    return found
  }
  const bodyOf = ({ input }: Call, stack?: Stack): string => {
    if (typeof input['TemplateBody'] === 'string') return input['TemplateBody']
    if (input['UsePreviousTemplate'] === true) return stack!.template
    const [, bucket, ...key] = new URL(String(input['TemplateURL'])).pathname.split('/')
    const { hostname } = new URL(String(input['TemplateURL']))
    return /^s3[.-]/.test(hostname) || hostname === '127.0.0.1'
      ? options.objects(bucket!, key.join('/'))
      : options.objects(hostname.split('.')[0]!, [bucket, ...key].join('/'))
  }
  const changeSetOf = (call: Call, stack: Stack): ChangeSet => {
    const asked = String(call.input['ChangeSetName'])
    const found = [...stack.changeSets.values()].find(({ id, name }) => id === asked || name === asked)
    if (!found) throw new AwsError('ChangeSetNotFound', `ChangeSet [${asked}] does not exist`, 404)
    return found
  }
  const event = (stack: Stack, id: string, type: string, status: string, reason?: string, physicalId = '') => {
    stack.events.unshift({
      StackId: stack.id,
      StackName: stack.name,
      EventId: randomUUID(),
      LogicalResourceId: id,
      PhysicalResourceId: physicalId,
      ResourceType: type,
      ResourceStatus: status,
      ...(reason === undefined ? {} : { ResourceStatusReason: reason }),
      Timestamp: later(),
    })
    options.changed()
  }
  const toStatus = (stack: Stack, status: string, reason?: string) => {
    stack.status = status
    if (reason === undefined) delete stack.reason
    else stack.reason = reason
    event(stack, stack.name, 'AWS::CloudFormation::Stack', status, reason, stack.id)
  }
  const one = async (stack: Stack, id: string, type: string, verb: 'CREATE' | 'UPDATE' | 'DELETE') => {
    const before = stack.resources.get(id)
    event(stack, id, type, `${verb}_IN_PROGRESS`, undefined, before?.physicalId)
    await options.gate(id, type)
    const why = verb === 'DELETE' ? undefined : (options.failing.get(id) ?? options.failing.get(type))
    if (why !== undefined) {
      event(stack, id, type, `${verb}_FAILED`, why)
      throw new AwsError('ResourceFailed', id)
    }
    if (verb === 'DELETE') {
      stack.resources.delete(id)
      if (before) options.gone(before)
    } else stack.resources.set(id, { type, physicalId: before?.physicalId ?? physicalIdOf(stack, id, type, propertiesOf(stack, id)), status: `${verb}_COMPLETE`, at: new Date() }) // prettier-ignore
    const now = stack.resources.get(id)
    if (now) options.made(now, propertiesOf(stack, id))
    event(stack, id, type, `${verb}_COMPLETE`, undefined, now?.physicalId)
  }

  const execute = async (stack: Stack, changeSet: ChangeSet) => {
    const creating = stack.status === 'REVIEW_IN_PROGRESS'
    const verb = creating ? 'CREATE' : 'UPDATE'
    toStatus(stack, `${verb}_IN_PROGRESS`, 'User Initiated')
    // GetTemplate gives the new one from now on, also after a creation that was rolled back.
    const before = stack.template
    stack.template = changeSet.body
    const made: Change[] = []
    try {
      const taken = lostExports(before, changeSet.body).flatMap((name) => [...stacks.values()].filter((each) => each !== stack && each.status !== 'DELETE_COMPLETE' && new RegExp(`"Fn::ImportValue":\\s*"${name}"`).test(each.template)).map((each) => `Export ${name} cannot be deleted as it is in use by ${each.name}`)) // prettier-ignore
      if (taken[0] !== undefined) throw new AwsError('ResourceFailed', taken[0])
      for (const change of changeSet.changes.filter(({ action }) => action !== 'Remove')) {
        await one(stack, change.id, change.type, change.action === 'Add' ? 'CREATE' : 'UPDATE')
        if (change.action === 'Add') made.push(change)
      }
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      const rollback = creating ? 'ROLLBACK' : 'UPDATE_ROLLBACK'
      toStatus(stack, `${rollback}_IN_PROGRESS`, `The following resource(s) failed to ${verb.toLowerCase()}: [${error.message}]. ${creating ? 'Rollback requested by user.' : ''}`.trim()) // prettier-ignore
      if (!creating) stack.template = before
      for (const { id, type } of made.reverse()) await one(stack, id, type, 'DELETE')
      return toStatus(stack, `${rollback}_COMPLETE`)
    }
    if (!creating) toStatus(stack, 'UPDATE_COMPLETE_CLEANUP_IN_PROGRESS')
    for (const { id, type } of changeSet.changes.filter(({ action }) => action === 'Remove')) await one(stack, id, type, 'DELETE') // prettier-ignore
    stack.outputs = { ...outputsOf(stack), ...options.outputs.get(stack.name) }
    toStatus(stack, `${verb}_COMPLETE`)
  }

  const remove = async (stack: Stack) => {
    toStatus(stack, 'DELETE_IN_PROGRESS', 'User Initiated')
    const template = parsed(stack.template)
    for (const [id, { type }] of [...stack.resources].reverse()) {
      const kept = ['Retain', 'RetainExceptOnCreate'].includes(template.Resources?.[id]?.DeletionPolicy ?? '')
      if (kept) event(stack, id, type, 'DELETE_SKIPPED')
      else await one(stack, id, type, 'DELETE')
    }
    toStatus(stack, 'DELETE_COMPLETE')
  }

  return {
    CreateChangeSet: (call) => {
      const { StackName: name, ChangeSetName: asked, ChangeSetType: type = 'UPDATE', Tags: tags } = call.input as Record<string, string> // prettier-ignore
      let stack = stacks.get(keyOf(call, name!))
      if (stack?.status === 'DELETE_COMPLETE') stack = undefined
      if (type === 'CREATE' && stack && stack.status !== 'REVIEW_IN_PROGRESS') throw new AwsError('ValidationError', `Stack [${name}] already exists and cannot be created again with the changeSet [${asked}].`) // prettier-ignore
      if (type !== 'CREATE' && !stack) throw new AwsError('ValidationError', `Stack [${name}] does not exist`)
      if (stack && stack.status.endsWith('_IN_PROGRESS') && stack.status !== 'REVIEW_IN_PROGRESS') throw new AwsError('ValidationError', `Stack:${stack.id} is in ${stack.status} state and can not be updated.`) // prettier-ignore
      if (stack && /^(ROLLBACK_|DELETE_FAILED|UPDATE_ROLLBACK_FAILED)/.test(stack.status)) throw new AwsError('ValidationError', `Stack:${stack.id} is in ${stack.status} state and can not be updated.`) // prettier-ignore
      if (!stack) {
        const id = `arn:aws:cloudformation:${call.region}:${call.identity.account}:stack/${name}/${randomUUID()}`
        stack = { name: name!, id, status: 'REVIEW_IN_PROGRESS', template: '{}', resources: new Map(), outputs: {}, events: [], changeSets: new Map(), protected: false, tags: [], at: new Date() } // prettier-ignore
        stacks.set(keyOf(call, name!), stack)
        toStatus(stack, 'REVIEW_IN_PROGRESS', 'User Initiated')
      }
      stack.tags = tags ?? []
      const body = bodyOf(call, stack)
      const id = `arn:aws:cloudformation:${call.region}:${call.identity.account}:changeSet/${asked}/${randomUUID()}`
      stack.changeSets.set(asked!, { id, name: asked!, body, changes: changesOf(stack.template, body), at: new Date() })
      return { Id: id, StackId: stack.id }
    },
    DescribeChangeSet: (call) => {
      const stack = stackOf(call)
      const { id, name, changes, at } = changeSetOf(call, stack)
      const empty = changes.length === 0
      return {
        ChangeSetId: id,
        ChangeSetName: name,
        StackId: stack.id,
        StackName: stack.name,
        CreationTime: at,
        Status: empty ? 'FAILED' : 'CREATE_COMPLETE',
        ExecutionStatus: empty ? 'UNAVAILABLE' : 'AVAILABLE',
        ...(empty ? { StatusReason: "The submitted information didn't contain changes. Submit different information to create a change set." } : {}), // prettier-ignore
        Changes: changes.map(({ action, id: logical, type, replacement }) => ({
          Type: 'Resource',
          ResourceChange: {
            Action: action,
            LogicalResourceId: logical,
            ResourceType: type,
            Scope: replacement ? ['Properties'] : [],
            Details: [],
            ...(replacement ? { Replacement: replacement } : {}),
            ...(replacement === 'True' ? { PolicyAction: 'ReplaceAndDelete' } : {}),
          },
        })),
      }
    },
    DeleteChangeSet: (call) => {
      const stack = stackOf(call)
      const asked = String(call.input['ChangeSetName'])
      for (const [key, { id, name }] of stack.changeSets)
        if (id === asked || name === asked) stack.changeSets.delete(key)
      return {}
    },
    ExecuteChangeSet: (call) => {
      const stack = stackOf(call)
      const changeSet = changeSetOf(call, stack)
      stack.changeSets.clear()
      void execute(stack, changeSet)
      return {}
    },
    DescribeStacks: (call) => {
      const found = call.input['StackName'] === undefined ? [...stacks.values()].filter(({ id, status }) => status !== 'DELETE_COMPLETE' && id.split(':')[3] === call.region) : [stackOf(call)] // prettier-ignore
      return { Stacks: found.map(described) }
    },
    DescribeStackEvents: (call) => ({ StackEvents: stackOf(call).events }),
    DescribeStackResources: (call) => {
      const stack = stackOf(call)
      return {
        StackResources: [...stack.resources].map(([id, { type, physicalId, status, at }]) => ({
          StackName: stack.name,
          StackId: stack.id,
          LogicalResourceId: id,
          PhysicalResourceId: physicalId,
          ResourceType: type,
          Timestamp: at,
          ResourceStatus: status,
        })),
      }
    },
    ListStackResources: (call) => ({
      StackResourceSummaries: [...stackOf(call).resources].map(([id, { type, physicalId, status, at }]) => ({
        LogicalResourceId: id,
        PhysicalResourceId: physicalId,
        ResourceType: type,
        LastUpdatedTimestamp: at,
        ResourceStatus: status,
      })),
    }),
    GetTemplate: (call) => ({ TemplateBody: stackOf(call).template, StagesAvailable: ['Original', 'Processed'] }),
    DeleteStack: (call) => {
      const stack = find(call, String(call.input['StackName']))
      if (!stack || stack.status === 'DELETE_COMPLETE') return {}
      if (stack.protected) throw new AwsError('ValidationError', `Stack [${stack.name}] cannot be deleted while TerminationProtection is enabled`) // prettier-ignore
      if (stack.status === 'REVIEW_IN_PROGRESS') toStatus(stack, 'DELETE_COMPLETE')
      else void remove(stack)
      return {}
    },
    UpdateTerminationProtection: (call) => {
      const stack = stackOf(call)
      stack.protected = call.input['EnableTerminationProtection'] === true
      return { StackId: stack.id }
    },
  }
}

function described({ name, id, status, reason, outputs, protected: on, tags, at }: Stack): Record<string, unknown> {
  return {
    StackName: name,
    StackId: id,
    StackStatus: status,
    ...(reason === undefined ? {} : { StackStatusReason: reason }),
    CreationTime: at,
    EnableTerminationProtection: on,
    Outputs: Object.entries(outputs).map(([OutputKey, OutputValue]) => ({ OutputKey, OutputValue })),
    Parameters: [],
    NotificationARNs: [],
    Tags: tags,
  }
}

function changesOf(before: string, after: string): Change[] {
  const [old, next] = [before, after].map((each) => parsed(each).Resources ?? {}) as [Record<string, Resource>, Record<string, Resource>] // prettier-ignore
  const changed = inOrder(next).flatMap((id): Change[] => {
    const resource = next[id]!
    const { Type: type } = resource
    const was = old[id]
    if (!was || was.Type !== type) return [{ action: 'Add', id, type }]
    if (JSON.stringify(was) === JSON.stringify(resource)) return []
    const replaced = (replacing[type] ?? []).some((key) => JSON.stringify(was.Properties?.[key]) !== JSON.stringify(resource.Properties?.[key])) // prettier-ignore
    return [{ action: 'Modify', id, type, replacement: replaced ? 'True' : 'False' }]
  })
  const gone = Object.entries(old).filter(([id]) => !next[id]).map(([id, { Type: type }]): Change => ({ action: 'Remove', id, type })) // prettier-ignore
  return [...changed, ...gone]
}

/** CloudFormation keeps an export for as long as another stack imports it. */
function lostExports(before: string, after: string): string[] {
  const [old, next] = [before, after].map((each) => Object.values(parsed(each).Outputs ?? {}).flatMap(({ Export: exported }) => (exported ? [(exported as { Name: string }).Name] : []))) // prettier-ignore
  return old!.filter((name) => !next!.includes(name))
}

function outputsOf(stack: Stack): Record<string, string> {
  const { Outputs: outputs = {} } = parsed(stack.template)
  return Object.fromEntries(Object.entries(outputs).map(([key, { Value: value }]) => [key, evaluate(value, findIn(stack), stack.id)])) // prettier-ignore
}

function propertiesOf(stack: Stack, id: string): Record<string, string> {
  const { Properties: properties = {} } = parsed(stack.template).Resources?.[id] ?? {}
  return Object.fromEntries(Object.entries(properties).map(([key, value]) => [key, evaluate(value, findIn(stack), stack.id)])) // prettier-ignore
}

function findIn(stack: Stack): (id: string, attribute?: string) => string | undefined {
  return (id, attribute) => {
    const found = stack.resources.get(id)
    return found && (attribute === undefined ? found.physicalId : attributeOf(found, attribute, stack.id))
  }
}

/** Resources after those that they name. */
function inOrder(resources: Record<string, Resource>): string[] {
  const done = new Set<string>()
  const visit = (id: string) => {
    if (done.has(id) || !resources[id]) return
    done.add(id)
    for (const each of Object.keys(resources)) if (each !== id && JSON.stringify(resources[id]).includes(`"${each}"`)) visit(each) // prettier-ignore
    done.delete(id)
    done.add(id)
  }
  for (const id of Object.keys(resources)) visit(id)
  return [...done]
}
