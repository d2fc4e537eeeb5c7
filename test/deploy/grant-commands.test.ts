import { describe, expect, it } from 'vitest'
import { grantCommands } from '../../src/deploy/grant-commands.ts'

const grant = {
  function: 'arn:aws:lambda:eu-west-1:111122223333:function:demo',
  region: 'eu-west-1',
  principal: 'arn:aws:iam::111122223333:role/agent',
}

describe('the commands that grant', () => {
  it('are two, as a function URL needs both statements', () => {
    expect(grantCommands(grant)).toEqual([
      `aws lambda add-permission --region eu-west-1 --function-name arn:aws:lambda:eu-west-1:111122223333:function:demo \\
  --statement-id fairlead-e3c8c978-FunctionUrl --action lambda:InvokeFunctionUrl --principal arn:aws:iam::111122223333:role/agent --function-url-auth-type AWS_IAM`,
      `aws lambda add-permission --region eu-west-1 --function-name arn:aws:lambda:eu-west-1:111122223333:function:demo \\
  --statement-id fairlead-e3c8c978-InvokeThroughUrl --action lambda:InvokeFunction --principal arn:aws:iam::111122223333:role/agent --invoked-via-function-url`,
    ])
  })

  it('quote what a shell would read otherwise', () => {
    const [first] = grantCommands({ ...grant, principal: "arn:aws:iam::111122223333:user/o'neil; rm" })
    expect(first).toContain(`--principal 'arn:aws:iam::111122223333:user/o'\\''neil; rm' `)
  })
})
