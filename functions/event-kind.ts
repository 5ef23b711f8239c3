interface Kind {
  readonly is: (event: Fields) => boolean;
  readonly name: string | ((event: Fields) => string);
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * The events that end up at the wrong function, by the fields that tell them apart; the first that fits counts.
 *
 * The shapes are those of AWS's own event types: github.com/aws/aws-lambda-go (events/testdata), github.com/aws/aws-lambda-java-libs
 * (VPC Lattice), and https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-lambda-authorizer.html.
 */
const kinds: readonly Kind[] = [
  { is: (event) => has(event, 'requestContext', 'elb'), name: 'a request of an Application Load Balancer' },
  {
    is: (event) => has(event, 'raw_path') || has(event, 'requestContext', 'serviceNetworkArn'),
    name: 'a request of VPC Lattice',
  },
  { is: (event) => has(event, 'requestContext', 'connectionId'), name: 'an event of a WebSocket API' },
  {
    is: (event) => isMatch(at(event, 'requestContext', 'domainName'), /\.lambda-url\./),
    name: 'a request of a function URL, which no authorizer guards',
  },
  {
    is: (event) => has(event, 'routeArn') && event.version === '2.0',
    name: 'an HTTP API asking its authorizer',
  },
  {
    is: (event) => has(event, 'methodArn') || has(event, 'routeArn'),
    name: 'an authorizer request of a REST API, or in payload format 1.0',
  },
  {
    is: (event) => event.version === '2.0' && has(event, 'rawPath') && has(event, 'requestContext', 'http'),
    name: 'a request of an HTTP API',
  },
  { is: (event) => has(event, 'httpMethod'), name: 'a request of a REST API, or in payload format 1.0' },
  { is: ({ Records }) => Array.isArray(Records), name: ({ Records }) => `records of ${sourceOf(Records)}` },
  { is: (event) => has(event, 'detail-type'), name: 'an event of EventBridge, such as a schedule' },
  {
    is: ({ source, warmer, warmup }) =>
      isMatch(source, /warm-?up/) || warmer !== undefined || warmup !== undefined,
    name: 'a ping that keeps functions warm',
  },
  {
    is: ({ Step, SecretId }) => typeof Step === 'string' && typeof SecretId === 'string',
    name: 'a step of a rotation by Secrets Manager',
  },
];

/** Describes an event, for the message of the function that cannot take it; never its values. */
export function describeEvent(event: unknown): string {
  if (event === null || event === undefined) return 'nothing';
  if (Array.isArray(event)) return 'a list';
  if (typeof event !== 'object') return `a ${typeof event}`;
  const fields = event as Fields;
  const kind = kinds.find(({ is }) => is(fields));
  if (kind !== undefined) return typeof kind.name === 'string' ? kind.name : kind.name(fields);
  const names = Object.keys(fields);
  if (names.length === 0) return 'an empty object';
  const shown = names.slice(0, 5).map((name) => JSON.stringify(name.slice(0, 40)));
  return `an object with ${shown.join(', ')}${names.length > shown.length ? ', …' : ''}`;
}

function sourceOf(records: unknown): string {
  const [first] = records as readonly unknown[];
  if (has(first, 'cf')) return 'CloudFront';
  const source = at(first, 'eventSource') ?? at(first, 'EventSource');
  return typeof source === 'string' && /^aws:[a-z0-9:-]{1,40}$/.test(source) ? source : 'an unknown source';
}

function isMatch(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function has(value: unknown, ...path: readonly string[]): boolean {
  return at(value, ...path) !== undefined;
}

/** The value at a path of members, or undefined if there is none. */
function at(value: unknown, ...path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (found, name) =>
      typeof found === 'object' && found !== null && Object.hasOwn(found, name)
        ? (found as Fields)[name]
        : undefined,
    value,
  );
}
