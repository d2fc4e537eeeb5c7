import { escaped } from './protocols.ts'
import { AwsError, type RawRequest, type RawService } from './server.ts'

/** Buckets with path-style addresses: list, put (whole and in parts), get, and what CDK asks of a bucket. */
export function s3(buckets: Map<string, Map<string, Buffer>>): RawService {
  const parts = new Map<string, Map<number, Buffer>>()
  return { raw: (request) => answer(request, buckets, parts) }
}

function answer(
  { method, path, query, headers, body }: RawRequest,
  buckets: Map<string, Map<string, Buffer>>,
  parts: Map<string, Map<number, Buffer>>,
): ReturnType<RawService['raw']> {
  const [, name = '', ...rest] = path.split('/').map(decodeURIComponent)
  const key = rest.join('/')
  const bucket = buckets.get(name)
  if (!bucket) throw new AwsError('NoSuchBucket', 'The specified bucket does not exist', 404)
  if (key === '') return ofBucket(bucket, name, query)
  if (method === 'GET') {
    const found = bucket.get(key)
    if (!found) throw new AwsError('NoSuchKey', 'The specified key does not exist.', 404)
    return { status: 200, body: found }
  }
  const bytes = headers['x-amz-decoded-content-length'] === undefined ? body : unchunked(body)
  const upload = query.get('uploadId')
  if (method === 'POST' && query.has('uploads')) {
    parts.set('upload-1', new Map())
    return xml(`<InitiateMultipartUploadResult><Bucket>${name}</Bucket><Key>${escaped(key)}</Key><UploadId>upload-1</UploadId></InitiateMultipartUploadResult>`) // prettier-ignore
  }
  if (method === 'PUT' && upload !== null) {
    parts.get(upload)!.set(Number(query.get('partNumber')), bytes)
    return { status: 200, headers: { etag: '"part"' }, body: '' }
  }
  if (method === 'POST' && upload !== null) {
    const sorted = [...parts.get(upload)!].sort(([a], [b]) => a - b)
    bucket.set(key, Buffer.concat(sorted.map(([, each]) => each)))
    return xml(`<CompleteMultipartUploadResult><Bucket>${name}</Bucket><Key>${escaped(key)}</Key><ETag>"whole"</ETag></CompleteMultipartUploadResult>`) // prettier-ignore
  }
  if (method !== 'PUT') throw new AwsError('MethodNotAllowed', `${method} ${path}`, 405)
  bucket.set(key, bytes)
  return { status: 200, headers: { etag: '"whole"' }, body: '' }
}

function ofBucket(bucket: Map<string, Buffer>, name: string, query: URLSearchParams): ReturnType<RawService['raw']> {
  if (query.has('location')) return xml('<LocationConstraint/>')
  if (query.has('encryption'))
    return xml('<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>') // prettier-ignore
  const found = [...bucket].filter(([key]) => key.startsWith(query.get('prefix') ?? '')).slice(0, 1)
  const contents = found.map(([key, bytes]) => `<Contents><Key>${escaped(key)}</Key><Size>${bytes.length}</Size></Contents>`) // prettier-ignore
  return xml(`<ListBucketResult><Name>${name}</Name><KeyCount>${found.length}</KeyCount><IsTruncated>false</IsTruncated>${contents.join('')}</ListBucketResult>`) // prettier-ignore
}

function xml(body: string): ReturnType<RawService['raw']> {
  return { status: 200, headers: { 'content-type': 'application/xml' }, body }
}

/** The `aws-chunked` encoding: `size[;extensions]\r\n bytes \r\n … 0\r\n trailers`. */
function unchunked(body: Buffer): Buffer {
  const found: Buffer[] = []
  for (let at = 0; ;) {
    const end = body.indexOf('\r\n', at)
    const size = Number.parseInt(body.toString('latin1', at, end), 16)
    if (!(size > 0)) return Buffer.concat(found)
    found.push(body.subarray(end + 2, end + 2 + size))
    at = end + 2 + size + 2
  }
}
