import { agentcoreRules } from './template/agentcore-rules.ts'
import { cognitoRules } from './template/cognito-rules.ts'
import { edgeRules } from './template/edge-rules.ts'
import { lambdaRules } from './template/lambda-rules.ts'
import { readTemplate } from './template/read.ts'
import type { Rule } from './template/rule.ts'
import { taskRules } from './template/task-rules.ts'

/** Faults that are visible in a CloudFormation template. Each has an id, the section that says it, and what to do. */
export const templateRules = {
  ...lambdaRules,
  ...taskRules,
  ...edgeRules,
  ...cognitoRules,
  ...agentcoreRules,
} as const satisfies Record<string, Rule>

export interface TemplateFinding {
  id: string
  level: 'MUST' | 'SHOULD'
  /** The resource, where one is meant. */
  resource: string
  says: string
  fix: string
  section: string
}

/**
 * Looks for the faults that are visible in a CloudFormation template, JSON or YAML: `cdk synth` writes the first. What a stack
 * decides only when it is made is left alone. Throws TEMPLATE_UNREADABLE.
 */
export function lintTemplate(text: string): TemplateFinding[] {
  const template = readTemplate(text)
  return Object.entries<Rule>(templateRules).flatMap(([id, { level, fix, section, wrong }]) =>
    wrong(template).map(([resource, says]) => ({ id, level, resource, says, fix, section })),
  )
}
