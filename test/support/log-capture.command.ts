// Loaded by NODE_OPTIONS into each command that a test starts.
import { reportTo, startCapture } from './log-capture.ts'

startCapture()
reportTo(process.env.LOG_CAPTURE_DIR!)
