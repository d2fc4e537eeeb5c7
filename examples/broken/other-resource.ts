// Wrong in one way: its metadata is for another resource. fairlead doctor says metadata-resource.
import { serve } from './serve.ts'

serve({ otherResource: true }, { guarded: true })
