// Wrong in one way: it redirects in a circle. fairlead doctor says no-redirect.
import { serve } from './serve.ts'

serve({ redirects: true })
