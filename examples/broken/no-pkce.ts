// Wrong in one way: its authorization server does not advertise PKCE. fairlead doctor says server-pkce.
import { serve } from './serve.ts'

serve({ noPkce: true }, { guarded: true })
