import { readContextChoices } from './context-choices.ts';
import { InvalidProps } from './problem.ts';

/** The edge in front of a `PosternStack`: your own name, and from us-east-1 its certificate and the firewall. */
export interface EdgeChoice {
  /** The name that clients send to. */
  readonly domainName: string;
  /** The certificate of that name, in us-east-1. */
  readonly certificateArn: string;
  /** The output of `EdgeFirewallStack`. */
  readonly webAclArn: string;
  /**
   * The version of the secret that CloudFront sends (docs/edge.md).
   *
   * @default - the one that was current when the distribution was made
   */
  readonly secretVersionId?: string;
}

const needed: readonly (keyof EdgeChoice)[] = ['domainName', 'certificateArn', 'webAclArn'];

/** @throws InvalidProps for what is missing, empty or not known */
export function readEdgeChoice(value: unknown): EdgeChoice | undefined {
  if (value === undefined) return undefined;
  const choice = readContextChoices('postern.edge', value, [...needed, 'secretVersionId']);
  const wrong = Object.keys(choice).find((name) => typeof choice[name] !== 'string' || choice[name] === '');
  const missing = needed.find((name) => choice[name] === undefined);
  if (wrong === undefined && missing === undefined) return choice as unknown as EdgeChoice;
  throw new InvalidProps(
    'PosternStack',
    missing === undefined
      ? `edge.${wrong} is ${JSON.stringify(choice[wrong as string])}; write a string`
      : `edge has no ${missing}; it takes ${needed.join(', ')} (docs/edge.md)`,
  );
}
