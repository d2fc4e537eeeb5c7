// Wrong in one way: its 401 says nothing of where to sign in. fairlead doctor says challenge-header.
import { serve } from './serve.ts'

serve({ noChallenge: true }, { guarded: true })
