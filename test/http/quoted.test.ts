import { expect, it } from 'vitest'
import { quoted } from '../../src/http/quoted.ts'

it.each([
  ['code=SplxlOBeZQQYbYS6WxSbIA&state=af0', 'code=…&state=af0'],
  ['{"code":"SplxlOBeZQQYbYS6WxSbIA"}', '{"code":"…"}'],
  ['device_code: GmRhmhcxhwAzkoEqiMEg', 'device_code: …'],
  ['Authorization: Bearer eyJhbGciOiJub25lIn0.e30.', 'Authorization: Bearer …'],
])('what may be a secret is left out of %s', (text, shown) => {
  expect(quoted(text)).toBe(shown)
})

it.each([
  'The role lacks permission (Service: BedrockAgentCoreControl, Status Code: 400, Request ID: 0) (RequestToken: 1, HandlerErrorCode: InvalidRequest)', // prettier-ignore
  'Access Denied (Service: Amazon S3; Status Code: 403; Error Code: AccessDenied; Request ID: 0)',
])('how AWS ends its reasons is no secret: %s', (text) => {
  expect(quoted(text)).toBe(text)
})
