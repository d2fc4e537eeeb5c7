import { Duration } from 'aws-cdk-lib'
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager'
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HttpVersion,
  OriginRequestPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
  type BehaviorOptions,
} from 'aws-cdk-lib/aws-cloudfront'
import { FunctionUrlOrigin } from 'aws-cdk-lib/aws-cloudfront-origins'
import type { IFunctionUrl } from 'aws-cdk-lib/aws-lambda'
import { Secret } from 'aws-cdk-lib/aws-secretsmanager'
import { Construct } from 'constructs'
import { originSecretHeader, viewerAddressFunction, viewerRequestFunction } from '../../aws/viewer-request.ts'
import { acknowledge } from './acknowledge.ts'

export interface FunctionFrontProps {
  /** Of auth type NONE: the secret header keeps out who comes around the distribution. */
  functionUrl: IFunctionUrl
  /** What the function compares the secret header with: `new OriginSecret(…)`. */
  originSecret: Secret
  /** An MCP endpoint: a request without a token is answered at the edge, with the true challenge. */
  challenge?: { path: string; scopes: readonly string[] }
  /** How long the origin may be silent; 60 s by default, 120 s at most. */
  readTimeoutS?: number
  /** A name of one's own; its certificate is in us-east-1. */
  domain?: { name: string; certificateArn: string }
  /** A web ACL with the scope CLOUDFRONT. */
  webAclArn?: string
  comment?: string
}

/** CloudFront's default quota. @see https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/cloudfront-limits.html (read 2026-11-25) */
const longestReadS = 120

/**
 * A CloudFront distribution in front of a function URL with auth type NONE: a function URL renames `WWW-Authenticate`, and
 * origin access control would take `Authorization` for itself. It caches and compresses nothing, passes every header on but
 * the Host, and adds the secret header that the function asks for.
 */
export class FunctionFront extends Construct {
  readonly distribution: Distribution
  /** `https://d111111abcdef8.cloudfront.net`, or the name of one's own. */
  readonly url: string

  constructor(scope: Construct, id: string, props: FunctionFrontProps) {
    super(scope, id)
    const { domain, readTimeoutS = 60 } = props
    this.distribution = new Distribution(this, 'Distribution', {
      defaultBehavior: this.#behavior(props, Math.min(Math.max(readTimeoutS, 60), longestReadS)),
      httpVersion: HttpVersion.HTTP2_AND_3,
      enableLogging: false,
      ...(props.comment === undefined ? {} : { comment: props.comment }),
      ...(props.webAclArn === undefined ? {} : { webAclId: props.webAclArn }),
      ...(domain === undefined
        ? {}
        : {
            domainNames: [domain.name],
            certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
            minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
          }),
    })
    this.url = `https://${domain?.name ?? this.distribution.distributionDomainName}`
    acknowledge(this.distribution, {
      CFR1: 'An MCP server has no countries to keep out; a web ACL can.',
      CFR3: 'The function logs each request; access logs would need a bucket that costs while nothing happens.',
      ...(props.webAclArn === undefined
        ? { CFR2: 'A web ACL costs 10 dollars a month while nobody calls, so it is a choice.' }
        : {}),
      ...(domain === undefined
        ? {
            CFR4: 'With the certificate of cloudfront.net CloudFront sets the TLS versions; a domain has TLS 1.2 at least.',
          }
        : {}),
    })
  }

  #behavior({ functionUrl, originSecret, challenge }: FunctionFrontProps, readTimeoutS: number): BehaviorOptions {
    return {
      origin: new FunctionUrlOrigin(functionUrl, {
        readTimeout: Duration.seconds(readTimeoutS),
        keepaliveTimeout: Duration.seconds(60),
        // CloudFormation puts the value in when it deploys: in the template stands a reference.
        customHeaders: { [originSecretHeader]: originSecret.secretValue.unsafeUnwrap() },
      }),
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      compress: false,
      functionAssociations: [
        {
          eventType: FunctionEventType.VIEWER_REQUEST,
          function: new Function(this, challenge === undefined ? 'Address' : 'Challenge', {
            runtime: FunctionRuntime.JS_2_0,
            code: FunctionCode.fromInline(challenge ? viewerRequestFunction(challenge) : viewerAddressFunction()),
          }),
        },
      ],
    }
  }
}

/** A secret that CloudFormation makes up: 48 letters and digits, which fit into a header. */
export class OriginSecret extends Secret {
  constructor(scope: Construct, id: string) {
    super(scope, id, {
      generateSecretString: { passwordLength: 48, excludePunctuation: true },
    })
    acknowledge(this, {
      SMG4: 'CloudFront and the function must change it together, so it changes with a deployment and not on a timer.',
    })
  }
}
