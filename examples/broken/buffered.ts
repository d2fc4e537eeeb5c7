// Wrong in one way: a stream is held back until it has ended. fairlead doctor says stream-as-it-happens (with --tool count).
import { serve } from './serve.ts'

serve({ buffered: true })
