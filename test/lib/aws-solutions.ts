import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { App, type Stack, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';

interface Report {
  readonly pluginReports: readonly {
    readonly violations: readonly {
      readonly ruleName: string;
      readonly violatingConstructs: readonly { readonly constructPath: string }[];
    }[];
  }[];
}

/**
 * Gives what AWS's own rules (cdk-nag, AwsSolutions) find in the stacks that `make` puts into an app, as `RULE at PATH`.
 *
 * What a construct acknowledges, with its reason, is not found.
 */
export function solutionsFindings(make: (app: App) => Stack): readonly string[] {
  const outdir = mkdtempSync(join(tmpdir(), 'postern-rules-'));
  try {
    const app = new App({ outdir, context: { 'aws:cdk:bundling-stacks': [] } });
    Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
    make(app);
    try {
      app.synth();
    } catch (error) {
      if ((error as Error).name !== 'ValidationFailed' && !/Validation failed/.test(String(error)))
        throw error;
    }
    const report = JSON.parse(readFileSync(join(outdir, 'validation-report.json'), 'utf8')) as Report;
    const violations = report.pluginReports.flatMap(({ violations }) => violations);
    return violations.flatMap(({ ruleName, violatingConstructs }) =>
      violatingConstructs.map(({ constructPath }) => `${ruleName} at ${constructPath}`),
    );
  } finally {
    rmSync(outdir, { recursive: true, force: true });
  }
}
