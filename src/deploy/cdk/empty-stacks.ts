import { App, CfnResource, Stack } from 'aws-cdk-lib'

/**
 * Writes an assembly whose stacks have their names and places and nothing of their contents: all that CDK's toolkit needs to
 * destroy them, so that a project whose server does not build can be destroyed too. The first ones are destroyed last.
 */
export function emptyStacks(
  stacks: readonly { name: string; region: string }[],
  account: string,
  outDir: string,
): void {
  const app = new App({ outdir: outDir, analyticsReporting: false, treeMetadata: false })
  let before: Stack | undefined
  for (const { name, region } of stacks) {
    const stack = new Stack(app, name, { env: { account, region } })
    new CfnResource(stack, 'Nothing', { type: 'AWS::CloudFormation::WaitConditionHandle' })
    if (before) stack.addStackDependency(before)
    before = stack
  }
  app.synth()
}
