import { refused } from './refused.ts'
import type { Resolve, Template } from './resolve.ts'

/** Refuses a parameter whose Default CloudFormation would not take. Throws TEMPLATE_NOT_RUNNABLE. */
export function requireParameters({ Parameters = {} }: Template, file: string): void {
  for (const [name, { Default, AllowedValues, AllowedPattern }] of Object.entries(Parameters)) {
    if (Default === undefined) continue
    const value = String(Default)
    const taken = [AllowedValues ?? value].flat().map(String)
    if (!taken.includes(value))
      throw refused({ file }, name, `its Default ${value} is not one of ${taken.join(', ')}`, fromDefaults)
    if (AllowedPattern !== undefined && !new RegExp(`^(?:${AllowedPattern})$`).test(value))
      throw refused({ file }, name, `its Default ${value} does not match ${AllowedPattern}`, fromDefaults)
  }
}

/**
 * Refuses what the rules of a template refuse, before anything is made. Throws TEMPLATE_NOT_RUNNABLE.
 * @see https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
 */
export function requireRules({ Rules = {} }: Template, resolve: Resolve, file: string): void {
  for (const [name, { RuleCondition, Assertions }] of Object.entries(Rules)) {
    if (RuleCondition !== undefined && resolve(RuleCondition) !== true) continue
    for (const each of [Assertions ?? []].flat())
      if (resolve(each?.Assert) !== true)
        throw refused({ file }, name, each?.AssertDescription ?? 'its assertion does not hold', fromDefaults)
  }
}

const fromDefaults = {
  why: 'CloudFormation refuses it before anything is made. Here each parameter has its Default.',
  fix: 'Correct the Default of the parameter in the template.',
}
