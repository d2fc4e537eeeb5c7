// Wrong in one way: it closes connections sooner than a load balancer lets go of them. fairlead doctor says keep-alive (with --platform fargate).
import { serve } from './serve.ts'

serve({ shortKeepAlive: true })
