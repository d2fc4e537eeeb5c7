import { FairleadError } from '../../errors.ts'

const suffix = '_FROM'

/**
 * The environment that a template gives to a process, with what exists on AWS alone replaced: where the template names a value
 * or says where it is kept (`NAME_FROM`), the stand-in's value is NAME. What the template does not name does not come in, but
 * for the addresses of stand-ins that AWS's own clients read. Throws TEMPLATE_NOT_RUNNABLE.
 */
export function localEnvironment(
  template: Record<string, string>,
  local: Record<string, string>,
  own: NodeJS.ProcessEnv = process.env,
): Record<string, string> {
  const env: Record<string, string> = {}
  for (const [name, value] of Object.entries(local)) if (name.startsWith('AWS_')) env[name] = value
  for (const [name, value] of Object.entries(template)) {
    const kept = name.endsWith(suffix) && /^arn:aws[a-z-]*:(secretsmanager|ssm):/.test(value)
    const target = kept ? name.slice(0, -suffix.length) : name
    const found = local[target] ?? (kept ? own[target] : value)
    if (found === undefined)
      throw new FairleadError('TEMPLATE_NOT_RUNNABLE', `${name} is kept on AWS, and nothing stands in for it here`, {
        fix: `Give it a value here: ${target}=… fairlead dev --from-template …`,
      })
    env[target] = found
  }
  return env
}
