import {
  agentRuntimePolicy,
  functionUrlPolicy,
  gatewayPolicy,
  type PolicyDocument,
  type PolicyStatement,
} from '../aws/permissions.ts'
import { sidOf } from './grant-statements.ts'
import { runtimeArns } from './grants.ts'

/** The commands of the AWS CLI that do what `fairlead grant` does, for who does not give fairlead the right to. */
export function grantCommands(outputs: Record<string, string>, principal: string, region: string): string[] {
  const { FunctionArn, RuntimeArn, GatewayArn } = outputs
  if (FunctionArn)
    return functionUrlPolicy(FunctionArn, [principal]).Statement.map((each) =>
      addPermission(FunctionArn, each, principal, region),
    )
  if (RuntimeArn) return runtimeArns(outputs).flatMap((arn) => putPolicy(arn, agentRuntimePolicy(arn, [principal]), principal, region)) // prettier-ignore
  return putPolicy(GatewayArn!, gatewayPolicy(GatewayArn!, [principal]), principal, region)
}

function addPermission(arn: string, statement: PolicyStatement, principal: string, region: string): string {
  const [, account] = /:iam::(\d{12}):root$/.exec(principal) ?? []
  const condition =
    statement.Action === 'lambda:InvokeFunctionUrl' ? '--function-url-auth-type AWS_IAM' : '--invoked-via-function-url'
  return `aws lambda add-permission --function-name ${arn} --region ${region} --statement-id ${sidOf(statement, principal)} --action ${statement.Action} --principal ${account ?? principal} ${condition}`
}

/** The whole policy is replaced, so what is there is looked at first. */
function putPolicy(arn: string, policy: PolicyDocument, principal: string, region: string): string[] {
  const named = policy.Statement.map((each) => ({ ...each, Sid: sidOf(each, principal) }))
  const text = JSON.stringify({ ...policy, Statement: named })
  return [
    `aws bedrock-agentcore-control get-resource-policy --resource-arn ${arn} --region ${region}`,
    `aws bedrock-agentcore-control put-resource-policy --resource-arn ${arn} --region ${region} --policy '${text}'`,
  ]
}
