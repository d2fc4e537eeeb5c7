// Wrong in one way: its answers are called HTML. fairlead doctor says content-type.
import { serve } from './serve.ts'

serve({ html: true })
