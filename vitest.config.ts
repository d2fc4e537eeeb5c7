import { defineConfig } from 'vitest/config'

// Tests start real processes and listen on real ports, so each file has a process of its own.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/interop/**', 'node_modules/**'],
    globalSetup: ['test/support/run-folder.setup.ts'],
    setupFiles: ['test/support/log-capture.setup.ts'],
    pool: 'forks',
    maxWorkers: 3,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: process.env.CI ? ['default', './test/plain-reporter.ts'] : ['default'],
  },
})
