import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, Stack } from 'aws-cdk-lib';
import { Template } from 'aws-cdk-lib/assertions';

// Templates as the tests read them: references as <LogicalId> without its hash, so that a table of rights can be read.

/** An app that builds no asset: what stands in the template does not depend on them. */
export function unbuilt(context: Readonly<Record<string, unknown>> = {}): App {
  return new App({ context: { ...context, 'aws:cdk:bundling-stacks': [] } });
}

/** The template of a stack that `make` fills. */
export function templateOf(make: (stack: Stack) => void): Template {
  const stack = new Stack(unbuilt(), 'Test');
  make(stack);
  return Template.fromStack(stack);
}

const folder = mkdtempSync(join(tmpdir(), 'postern-config-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

/** Writes a configuration and gives its path. */
export function configFile(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** Each right of each role, as `ACTION on RESOURCE`, by the role's logical id without its hash. */
export function rightsOf(template: Template): Readonly<Record<string, readonly string[]>> {
  const roles = Object.keys(template.findResources('AWS::IAM::Role'));
  const policies = Object.values(template.findResources('AWS::IAM::Policy')) as unknown as readonly Policy[];
  return Object.fromEntries(
    roles.map((role) => [
      render({ Ref: role }),
      policies
        .filter(({ Properties }) => Properties.Roles.some(({ Ref }) => Ref === role))
        .flatMap(({ Properties }) => Properties.PolicyDocument.Statement.flatMap(rightsIn))
        .toSorted(),
    ]),
  );
}

interface Statement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Resource: unknown;
  readonly Condition?: unknown;
}

interface Policy {
  readonly Properties: {
    readonly Roles: readonly { readonly Ref: string }[];
    readonly PolicyDocument: { readonly Statement: readonly Statement[] };
  };
}

function rightsIn({ Effect, Action, Resource, Condition }: Statement): readonly string[] {
  const when = Condition === undefined ? '' : ` when ${JSON.stringify(render(Condition))}`;
  const denied = Effect === 'Allow' ? '' : `${Effect}: `;
  return [Action]
    .flat()
    .flatMap((action) =>
      [Resource].flat().map((resource) => `${denied}${action} on ${text(resource)}${when}`),
    );
}

function text(value: unknown): string {
  const rendered = render(value);
  return typeof rendered === 'string' ? rendered : JSON.stringify(rendered);
}

/** Replaces references by `<Id>`, attributes by `<Id.Attribute>`, and joins what is joined. */
export function render(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(render);
  if (typeof value !== 'object' || value === null) return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::Join': join } = value as Record<string, never>;
  if (Ref !== undefined) return `<${bare(Ref)}>`;
  if (attribute !== undefined) return `<${bare(attribute[0])}.${attribute[1]}>`;
  if (join !== undefined) return (join as [string, unknown[]])[1].map(render).join(join[0]);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, render(one)]));
}

/** Without the eight hexadecimal digits that the CDK puts behind a name. */
function bare(id: string): string {
  return id.replace(/[0-9A-F]{8}$/, '');
}

/** The properties of the only resource of a type whose id begins with `prefix`, references rendered. */
export function propertiesOf(template: Template, type: string, prefix = ''): Record<string, unknown> {
  const found = Object.entries(template.findResources(type)).filter(([id]) => id.startsWith(prefix));
  if (found.length !== 1) throw new Error(`${found.length} resources of ${type} begin with ${prefix}`);
  return render(found[0]?.[1].Properties) as Record<string, unknown>;
}
