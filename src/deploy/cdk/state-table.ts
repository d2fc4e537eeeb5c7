import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, ProjectionType, Table, TableEncryption } from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { tableShape } from '../../state/dynamodb.ts'

const [{ IndexName: indexName, KeySchema: indexKeys, Projection: projection }] = tableShape.GlobalSecondaryIndexes

export interface StateTableProps {
  /** What people would miss: it stays when its stack goes, and cannot be deleted by accident. */
  keep: boolean
}

/**
 * The table in which the processes of a deployment keep what they share, as `tableShape` has it: on demand, so that it costs
 * nothing while nobody writes; encrypted; with an end for every item, and point-in-time recovery.
 */
export class StateTable extends Construct {
  readonly table: Table

  constructor(scope: Construct, id: string, { keep }: StateTableProps) {
    super(scope, id)
    this.table = new Table(this, 'Table', {
      partitionKey: { name: tableShape.KeySchema[0].AttributeName, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'exp',
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      encryption: TableEncryption.AWS_MANAGED,
      deletionProtection: keep,
      removalPolicy: keep ? RemovalPolicy.RETAIN : RemovalPolicy.DESTROY,
    })
    this.table.addGlobalSecondaryIndex({
      indexName,
      partitionKey: { name: indexKeys[0].AttributeName, type: AttributeType.STRING },
      projectionType: ProjectionType[projection.ProjectionType],
    })
  }

  /** Lets a role do what `openDynamoTable` does, and no more: no scan, no batch, no change of the table. */
  grantUse(role: IGrantable): void {
    const { tableArn } = this.table
    const grant = (actions: string[], resource: string) =>
      role.grantPrincipal.addToPrincipalPolicy(new PolicyStatement({ actions, resources: [resource] }))
    grant(['dynamodb:GetItem', 'dynamodb:UpdateItem', 'dynamodb:DeleteItem'], tableArn)
    grant(['dynamodb:Query'], `${tableArn}/index/${indexName}`)
  }
}
