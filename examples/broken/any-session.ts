// Wrong in one way: it takes a session that nobody knows. fairlead doctor says session-unknown-404.
import { serve } from './serve.ts'

serve({ anySession: true })
