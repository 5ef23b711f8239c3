import { asAuthorizerEvent, httpApiEvent } from './events.ts';

const { version, requestContext, ...request } = httpApiEvent();

/**
 * Events of other kinds, each cut down to the fields that tell it apart, and what a function calls it.
 *
 * The shapes are those of github.com/aws/aws-lambda-go (events/testdata: alb-lambda-target-request-headers-only, apigw-request,
 * apigw-custom-auth-request, apigw-custom-auth-request-type-request, apigw-websocket-request, lambda-urls-request, s3-event, sns-event,
 * sqs-event), of github.com/aws/aws-lambda-java-libs (VPCLatticeV2RequestEvent) and of AWS's pages for each.
 */
export const foreignEvents: readonly (readonly [kind: string, event: unknown])[] = [
  ['nothing', undefined],
  ['nothing', null],
  ['a number', 7],
  ['a string', 'text'],
  ['a list', []],
  ['an empty object', {}],
  ['an object with "rawPath"', { rawPath: '/' }],
  [
    'a request of an Application Load Balancer',
    {
      requestContext: {
        elb: { targetGroupArn: 'arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/x/y' },
      },
      httpMethod: 'GET',
      path: '/',
      headers: { host: 'lb.example.com' },
      body: '',
      isBase64Encoded: false,
    },
  ],
  [
    'a request of a REST API, or in payload format 1.0',
    {
      resource: '/{proxy+}',
      path: '/hello',
      httpMethod: 'POST',
      headers: { Host: 'api.example.com' },
      requestContext: { apiId: 'gy415nuibc', stage: 'testStage', resourcePath: '/{proxy+}' },
      body: '{}',
    },
  ],
  [
    'a request of a REST API, or in payload format 1.0',
    { version: '1.0', resource: '/x', path: '/x', httpMethod: 'GET', requestContext: {} },
  ],
  [
    'an authorizer request of a REST API, or in payload format 1.0',
    {
      type: 'TOKEN',
      authorizationToken: 'allow',
      methodArn: 'arn:aws:execute-api:us-west-2:123456789012:x/*/GET/',
    },
  ],
  [
    'an authorizer request of a REST API, or in payload format 1.0',
    { version: '1.0', type: 'REQUEST', methodArn: 'arn:aws:x', path: '/request', httpMethod: 'GET' },
  ],
  [
    'an event of a WebSocket API',
    {
      headers: { Host: 'ws.example.com' },
      requestContext: { routeKey: '$connect', eventType: 'CONNECT', connectionId: 'd=', apiId: 'x' },
      isBase64Encoded: false,
    },
  ],
  [
    'a request of VPC Lattice',
    { raw_path: '/x', method: 'GET', headers: { Host: 'svc.example.com' }, is_base64_encoded: false },
  ],
  [
    'a request of VPC Lattice',
    {
      version: '2.0',
      path: '/x',
      method: 'GET',
      headers: { host: ['svc.example.com'] },
      requestContext: { serviceNetworkArn: 'arn:aws:vpc-lattice:us-east-1:123456789012:servicenetwork/sn-0' },
    },
  ],
  [
    'a request of a function URL, which no authorizer guards',
    {
      ...request,
      version,
      requestContext: { ...requestContext, domainName: 'abc.lambda-url.eu-west-1.on.aws' },
    },
  ],
  [
    'a request of a function URL, which no authorizer guards',
    {
      ...request,
      version,
      requestContext: {
        domainName: 'abc.lambda-url.us-west-2.on.aws',
        http: requestContext.http,
        requestId: 'id',
      },
    },
  ],
  ['records of aws:sqs', { Records: [{ messageId: '1', eventSource: 'aws:sqs', body: 'Message Body' }] }],
  ['records of aws:sns', { Records: [{ EventSource: 'aws:sns', EventVersion: '1.0', Sns: {} }] }],
  ['records of aws:s3', { Records: [{ eventSource: 'aws:s3', eventName: 'ObjectCreated:Put', s3: {} }] }],
  ['records of CloudFront', { Records: [{ cf: { config: {}, request: { uri: '/' } } }] }],
  ['records of an unknown source', { Records: [] }],
  ['records of an unknown source', { Records: [{ eventSource: 'x"; drop' }] }],
  [
    'an event of EventBridge, such as a schedule',
    { version: '0', source: 'aws.events', 'detail-type': 'Scheduled Event', detail: {} },
  ],
  ['a ping that keeps functions warm', { source: 'serverless-plugin-warmup' }],
  ['a ping that keeps functions warm', { warmer: true, concurrency: 3 }],
  [
    'a step of a rotation by Secrets Manager',
    { Step: 'createSecret', SecretId: 'arn:aws:secretsmanager:x', ClientRequestToken: 't' },
  ],
];

/** Right for one of the two functions, and so wrong for the other. */
export const swapped = {
  forwarder: ['an HTTP API asking its authorizer', asAuthorizerEvent(httpApiEvent())],
  authorizer: ['a request of an HTTP API', httpApiEvent()],
} as const;
