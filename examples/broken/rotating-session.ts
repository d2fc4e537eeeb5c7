// Wrong in one way: each answer names another session. fairlead doctor says session-id-stable.
import { serve } from './serve.ts'

serve({ rotates: true })
