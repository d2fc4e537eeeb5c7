import { createHash } from 'node:crypto'
import { functionUrlPolicy } from '../aws/permissions.ts'

export interface FunctionGrant {
  /** An ARN, or a name. */
  function: string
  region: string
  /** The IAM ARN that is let in. */
  principal: string
}

/** The ids of the two statements that let one principal in: `fairlead-1a2b3c4d-FunctionUrl` and `…-InvokeThroughUrl`. */
export function statementIds({ principal }: Pick<FunctionGrant, 'principal'>): string[] {
  const short = createHash('sha256').update(principal).digest('hex').slice(0, 8)
  return functionUrlPolicy('', [principal]).Statement.map(({ Sid }) => `fairlead-${short}-${Sid}`)
}

/**
 * Writes the two commands that let a principal call a function through its URL: one statement each, as since October 2025
 * both are needed.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html (read 2026-11-22)
 */
export function grantCommands(grant: FunctionGrant): string[] {
  const ids = statementIds(grant)
  return functionUrlPolicy(grant.function, [grant.principal]).Statement.map(({ Action, Condition }, at) => {
    const condition =
      Condition && 'StringEquals' in Condition
        ? `--function-url-auth-type ${Condition.StringEquals['lambda:FunctionUrlAuthType']}`
        : '--invoked-via-function-url'
    return [
      `aws lambda add-permission --region ${word(grant.region)} --function-name ${word(grant.function)}`,
      `  --statement-id ${ids[at]} --action ${Action} --principal ${word(grant.principal)} ${condition}`,
    ].join(' \\\n')
  })
}

/** A word for a shell. */
function word(text: string): string {
  return /^[\w:/.@+=,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
