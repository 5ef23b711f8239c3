import { ConfigurationError, type Warn } from '../../base/schema/configuration-error.ts';
import { compileExpression, joinNames, type Names } from '../expression/index.ts';
import type { CompileExpression } from '../plugin/plugin.ts';
import { plugins } from '../plugins/index.ts';
import type { Exchange } from '../request/exchange.ts';

let known: Promise<Names<Exchange>> | undefined;

/** All names in expressions: those of every request, and those that plugins contribute. Loaded with the first expression. */
export function knownNames(): Promise<Names<Exchange>> {
  known ??= joinKnownNames();
  return known;
}

async function joinKnownNames(): Promise<Names<Exchange>> {
  const { requestNames } = await import('../request/names/names.ts');
  const contributed = plugins.map(({ name, names = {} }) => [`the plugin ${name}`, names] as const);
  return joinNames([['the request', requestNames], ...contributed]);
}

/** Makes the function that compiles the expressions in one part of a configuration. It adds the option's path to errors and warnings. */
export function expressionCompiler(warn: Warn): CompileExpression {
  return async function compile(source, result, path) {
    const names = await knownNames();
    try {
      return await compileExpression(source, {
        names,
        result,
        warn: (message, hint) => warn(path, message, hint),
      });
    } catch (error) {
      if (error instanceof ConfigurationError)
        throw new ConfigurationError(error.message, path, error.hint, error.code);
      throw error;
    }
  };
}
