import { RemovalPolicy } from 'aws-cdk-lib'
import { AttributeType, BillingMode, Table } from 'aws-cdk-lib/aws-dynamodb'
import { PolicyStatement, type IGrantable } from 'aws-cdk-lib/aws-iam'
import { Construct } from 'constructs'
import { tableShape } from '../../state/dynamodb.ts'
import { acknowledge } from './acknowledge.ts'

/**
 * Where the environments of a function remember which DPoP proofs were used, so that none is taken twice. What it holds ends
 * within minutes, so nothing of it is kept, and it costs nothing while nobody calls.
 */
export class ProofTable extends Construct {
  readonly tableName: string
  readonly tableArn: string

  constructor(scope: Construct, id: string) {
    super(scope, id)
    const table = new Table(this, 'Table', {
      partitionKey: { name: tableShape.KeySchema[0].AttributeName, type: AttributeType.STRING },
      billingMode: BillingMode.PAY_PER_REQUEST,
      timeToLiveAttribute: 'exp',
      removalPolicy: RemovalPolicy.DESTROY,
    })
    acknowledge(table, { DDB3: 'Used proofs end within minutes: an earlier state of them is of no use.' })
    this.tableName = table.tableName
    this.tableArn = table.tableArn
  }

  /** Remembering is one conditional write. */
  grantRemember(grantee: IGrantable): void {
    grantee.grantPrincipal.addToPrincipalPolicy(
      new PolicyStatement({ actions: ['dynamodb:UpdateItem'], resources: [this.tableArn] }),
    )
  }
}
