// Wrong in one way: the answer to a notification never ends. fairlead doctor says notification-202.
import { serve } from './serve.ts'

serve({ endless: true })
