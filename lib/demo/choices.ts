import { readContextChoices } from '../context-choices.ts';
import { InvalidProps } from '../problem.ts';

/** What may be chosen about the demo, as properties of the stack or as the context `postern:demo`. */
export interface DemoChoices {
  /**
   * The control server that the instance joins through.
   *
   * @default - Tailscale's own; for Headscale its URL
   */
  readonly controlUrl?: string;
  /**
   * The node's name in the tailnet.
   *
   * @default postern-demo
   */
  readonly tailnetHostname?: string;
  /**
   * Tags that the node asks for, such as `tag:postern-demo`. With Headscale and a tagged key leave them out.
   *
   * @default - those of the key
   */
  readonly tailnetTags?: readonly string[];
  /**
   * The port of the page, on the node's tailnet address.
   *
   * @default 8080
   */
  readonly port?: number;
  /**
   * The network's range, from /16 to /26. Nothing connects it to another network.
   *
   * @default 10.213.0.0/26
   */
  readonly cidr?: string;
  /**
   * An instance type with an arm64 processor.
   *
   * @default t4g.micro
   */
  readonly instanceType?: string;
  /**
   * The version of tailscale in its package repository.
   *
   * @default - the version that the layer has too
   */
  readonly tailscaleVersion?: string;
}

type Filled = Required<DemoChoices>;

const defaults: Filled = {
  controlUrl: 'https://controlplane.tailscale.com',
  tailnetHostname: 'postern-demo',
  tailnetTags: [],
  port: 8080,
  cidr: '10.213.0.0/26',
  instanceType: 't4g.micro',
  tailscaleVersion: '1.102.5',
};

interface Rule {
  readonly pattern: RegExp;
  readonly expected: string;
}

/** What each value must look like; the values become lines of a shell script, so a value must not end a line. */
const rules: Readonly<Record<keyof DemoChoices, Rule>> = {
  controlUrl: {
    pattern: /^https?:\/\/[A-Za-z0-9.-]+(?::[0-9]{1,5})?\/?$/,
    expected: 'a URL such as https://headscale.example.com, without path or user',
  },
  tailnetHostname: {
    pattern: /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/,
    expected: 'a name of lower-case letters, digits and hyphens, 63 at most',
  },
  tailnetTags: { pattern: /^(?:tag:[a-z][a-z0-9-]*(?:,|$))*$/, expected: 'tags such as tag:postern-demo' },
  port: { pattern: /^[0-9]{4,5}$/, expected: 'a port from 1024 to 65535' },
  cidr: {
    pattern: /^(?:10|172|192)(?:\.[0-9]{1,3}){3}\/(?:1[6-9]|2[0-6])$/,
    expected: 'a private IPv4 range from /16 to /26, such as 10.213.0.0/26',
  },
  instanceType: {
    pattern: /^[a-z]+[0-9]+g[a-z0-9-]*\.[a-z0-9-]+$/,
    expected: 'an instance type with an arm64 processor, such as t4g.micro',
  },
  tailscaleVersion: { pattern: /^[0-9]+\.[0-9]+\.[0-9]+$/, expected: 'a version such as 1.102.5' },
};

/**
 * Returns a checked value for every choice: from the property, the context, or the default.
 *
 * @throws InvalidProps with the choice, the value got and what is expected
 */
export function readDemoChoices(context: unknown, props: DemoChoices): Filled {
  const given = readContextChoices('postern:demo', context, Object.keys(defaults));
  const chosen = Object.fromEntries(
    Object.entries(defaults).map(([name, fallback]) => {
      const key = name as keyof DemoChoices;
      const value = props[key] ?? given[key] ?? fallback;
      check(key, value);
      return [key, value];
    }),
  );
  return Object.freeze(chosen) as unknown as Filled;
}

function check(name: keyof DemoChoices, value: unknown): void {
  const { pattern, expected } = rules[name];
  const isOfType =
    typeof value === typeof defaults[name] && Array.isArray(value) === Array.isArray(defaults[name]);
  const inRange = typeof value !== 'number' || (value >= 1024 && value <= 65_535);
  if (!isOfType || !inRange || !pattern.test(String(value))) {
    throw new InvalidProps('DemoStack', `${name} is ${JSON.stringify(value)}; give ${expected}`);
  }
}
