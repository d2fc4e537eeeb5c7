// Wrong in one way: a tool has no schema. fairlead doctor says tool-schemas.
import { serve } from './serve.ts'

serve({ noSchema: true })
