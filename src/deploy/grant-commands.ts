import type { PolicyStatement } from '../aws/permissions.ts'
import { sidOf, statementsFor } from './grants.ts'

/** The commands of the AWS CLI that do what `fairlead grant` does, for who does not give fairlead the right to. */
export function grantCommands(outputs: Record<string, string>, principal: string, region: string): string[] {
  const statements = statementsFor(outputs, principal)
  const { FunctionArn, RuntimeArn, GatewayArn } = outputs
  if (FunctionArn) return statements.map((each) => addPermission(FunctionArn, each, principal, region))
  const named = statements.map((each) => ({ ...each, Sid: sidOf(each, principal) }))
  const policy = JSON.stringify({ Version: '2012-10-17', Statement: named })
  // It replaces the whole policy, so what is there has to be put in too.
  return [
    `aws bedrock-agentcore-control get-resource-policy --resource-arn ${RuntimeArn ?? GatewayArn} --region ${region}`,
    `aws bedrock-agentcore-control put-resource-policy --resource-arn ${RuntimeArn ?? GatewayArn} --region ${region} --policy '${policy}'`,
  ]
}

function addPermission(arn: string, statement: PolicyStatement, principal: string, region: string): string {
  const [, account] = /:iam::(\d{12}):root$/.exec(principal) ?? []
  const condition =
    statement.Action === 'lambda:InvokeFunctionUrl' ? '--function-url-auth-type AWS_IAM' : '--invoked-via-function-url'
  return `aws lambda add-permission --function-name ${arn} --region ${region} --statement-id ${sidOf(statement, principal)} --action ${statement.Action} --principal ${account ?? principal} ${condition}`
}
