import { contractSuite } from './suite.ts'
import { oauthTarget } from './oauth.ts'

contractSuite('fargate', () => oauthTarget('fargate', { fargate: { tasks: 2 } }))
