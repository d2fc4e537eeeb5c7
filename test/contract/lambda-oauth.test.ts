import { contractSuite } from './suite.ts'
import { oauthTarget } from './oauth.ts'

contractSuite('lambda with OAuth', () => oauthTarget('lambda', { lambda: { auth: 'oauth', concurrency: 30 } }))
