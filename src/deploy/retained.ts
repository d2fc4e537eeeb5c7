import type { CloudFormation } from '@aws-sdk/client-cloudformation'
import { asAwsError } from './aws-error.ts'

export interface Retained {
  stack: string
  id: string
  type: string
  physicalId: string
}

/** What stays in the account when a stack is destroyed: its template says so. */
export async function retainedBy(cloudFormation: CloudFormation, stack: string): Promise<Retained[]> {
  try {
    const { TemplateBody: body = '{}' } = await cloudFormation.getTemplate({
      StackName: stack,
      TemplateStage: 'Original',
    })
    const { StackResources: found = [] } = await cloudFormation.describeStackResources({ StackName: stack })
    const { Resources: resources = {} } = JSON.parse(body) as {
      Resources?: Record<string, { DeletionPolicy?: string }>
    }
    return found
      .filter(({ LogicalResourceId: id }) => resources[id!]?.DeletionPolicy?.startsWith('Retain'))
      .map((each) => ({ stack, id: each.LogicalResourceId!, type: each.ResourceType!, physicalId: each.PhysicalResourceId ?? '' })) // prettier-ignore
  } catch (error) {
    throw asAwsError(error, `Reading ${stack}`)
  }
}
