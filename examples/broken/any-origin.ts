// Wrong in one way: any web page may call it. fairlead doctor says origin-checked.
import { serve } from './serve.ts'

serve({ anyOrigin: true })
