// Wrong in one way: it streams for ever. fairlead doctor says some-revision.
import { serve } from './serve.ts'

serve({ forever: true })
