import type { HttpApiOptions, HttpApiRoute, Invoke } from './http-api.ts';
import type { Authorizer } from './http-api-authorizer.ts';
import { accountId, apiId } from './http-api-event.ts';
import { region, type SynthesizedStack } from './synthesized.ts';
import { mayInvoke } from './synthesized-iam.ts';

/** Invokes a function by its ARN. */
export type InvokeArn = (functionArn: string, payload: string) => ReturnType<Invoke>;

/** The properties of a resource that are looked at here, and those that may stand there too. */
const known: Readonly<Record<string, readonly string[]>> = {
  Api: ['Description', 'DisableExecuteApiEndpoint', 'Name', 'ProtocolType'],
  Stage: ['AccessLogSettings', 'ApiId', 'AutoDeploy', 'DefaultRouteSettings', 'StageName'],
  Route: ['ApiId', 'AuthorizationType', 'AuthorizerId', 'RouteKey', 'Target'],
  Integration: ['ApiId', 'IntegrationType', 'IntegrationUri', 'PayloadFormatVersion', 'TimeoutInMillis'],
  Authorizer: [
    ...['ApiId', 'AuthorizerPayloadFormatVersion', 'AuthorizerResultTtlInSeconds', 'AuthorizerType'],
    ...['AuthorizerUri', 'EnableSimpleResponses', 'IdentitySource', 'Name'],
  ],
};

/**
 * The HTTP API that a template describes: its routes with their integrations and authorizers, its stage with throttling and log.
 *
 * @throws Error for whatever the emulator does not do, and for a function that API Gateway may not invoke
 */
export function httpApiOf(
  stack: SynthesizedStack,
  invoke: InvokeArn,
  writeLog: (line: string) => void,
): HttpApiOptions {
  must('the API', properties(stack, 'Api')[0], { ProtocolType: 'HTTP', DisableExecuteApiEndpoint: false });
  const [stage = {}] = properties(stack, 'Stage');
  must('the stage', stage, { AutoDeploy: true });
  const { Format } = stage.AccessLogSettings as { readonly Format: string };
  const settings = stage.DefaultRouteSettings as Readonly<Record<string, number>>;
  const authorizers = new Map<string, Authorizer>();

  function invokeOf(functionArn: string, source: string): Invoke {
    const arn = `arn:aws:execute-api:${region}:${accountId}:${apiId}/${source}`;
    if (!mayInvoke(stack, 'apigateway.amazonaws.com', functionArn, { arn, account: accountId }))
      throw new Error(`API Gateway may not invoke ${functionArn} as ${arn}`);
    return (payload) => invoke(functionArn, payload);
  }

  function authorizerOf(id: string): Authorizer {
    const made = authorizers.get(id);
    if (made !== undefined) return made;
    const resource = resourceOf(stack, 'Authorizer', id);
    must('the authorizer', resource, {
      AuthorizerType: 'REQUEST',
      AuthorizerPayloadFormatVersion: '2.0',
      EnableSimpleResponses: true,
    });
    const uri = stack.text(resource.AuthorizerUri);
    const prefix = `arn:aws:apigateway:${region}:lambda:path/2015-03-31/functions/`;
    const functionArn = uri.startsWith(prefix) ? uri.slice(prefix.length).replace(/\/invocations$/, '') : uri;
    const authorizer = {
      invoke: invokeOf(functionArn, `authorizers/${id}`),
      identitySource: resource.IdentitySource as readonly string[],
      ttlSeconds: resource.AuthorizerResultTtlInSeconds as number,
    };
    authorizers.set(id, authorizer);
    return authorizer;
  }

  function routeOf(route: Readonly<Record<string, unknown>>): HttpApiRoute {
    must('the route', route, { AuthorizationType: 'CUSTOM' });
    const integration = resourceOf(
      stack,
      'Integration',
      stack.text(route.Target).replace(/^integrations\//, ''),
    );
    must('the integration', integration, { IntegrationType: 'AWS_PROXY', PayloadFormatVersion: '2.0' });
    const key = String(route.RouteKey);
    const source = `${stage.StageName}/${key === '$default' ? key : key.replace(' ', '')}`;
    return {
      key,
      invoke: invokeOf(stack.text(integration.IntegrationUri), source),
      limitMs: integration.TimeoutInMillis as number,
      authorizer: authorizerOf(stack.text(route.AuthorizerId)),
    };
  }

  return {
    stage: String(stage.StageName),
    routes: properties(stack, 'Route').map(routeOf),
    throttle: {
      rateLimit: settings.ThrottlingRateLimit as number,
      burstLimit: settings.ThrottlingBurstLimit as number,
    },
    accessLog: { format: Format, write: writeLog },
  };
}

type Properties = Readonly<Record<string, unknown>>;

function properties(stack: SynthesizedStack, type: string): readonly Properties[] {
  return stack.all(`AWS::ApiGatewayV2::${type}`).map(([id, { Properties }]) => {
    const odd = Object.keys(Properties).filter((name) => known[type]?.includes(name) !== true);
    if (odd.length > 0) throw new Error(`${id} has ${odd.join(', ')}, which the emulator does not know`);
    return Properties;
  });
}

/** By the id that CloudFormation's Ref gives. */
function resourceOf(stack: SynthesizedStack, type: string, ref: string): Properties {
  const all = stack.all(`AWS::ApiGatewayV2::${type}`);
  const at = all.findIndex(([id]) => stack.text({ Ref: id }) === ref);
  if (at < 0) throw new Error(`there is no ${type} ${ref}`);
  return properties(stack, type)[at] as Properties;
}

function must(what: string, given: Properties | undefined, wanted: Properties): void {
  for (const [name, value] of Object.entries(wanted)) {
    if (given?.[name] !== value)
      throw new Error(
        `${what} has ${name} ${JSON.stringify(given?.[name])}; the emulator does ${value} alone`,
      );
  }
}
