import { ConfigurationError, type Warn } from '../../base/schema/configuration-error.ts';
import { compileExpression, joinNames, type Names } from '../expression/index.ts';
import type { CompileExpression, Plugin } from '../plugin/plugin.ts';
import { loadAllPlugins } from '../plugins/index.ts';
import type { Exchange } from '../request/exchange.ts';
import { type IsTakenAway, isTakenAway as takenAwayAlways } from '../request/header-names.ts';

/** All names in expressions: those of every request, and those that these plugins contribute. */
export async function knownNames(
  plugins: readonly Plugin[],
  isTakenAway: IsTakenAway = takenAwayAlways,
): Promise<Names<Exchange>> {
  const { requestNames } = await import('../request/names/names.ts');
  const contributed = plugins.map(({ name, names = {} }) => [`the plugin ${name}`, names] as const);
  return joinNames([['the request', requestNames(isTakenAway)], ...contributed]);
}

/**
 * Makes the functions that compile the expressions of a configuration, one for each part of it. They add the option's path to errors and
 * warnings.
 *
 * @param plugins all that the configuration mentions, in expressions too
 * @param isTakenAway whether a header that an expression reads never reaches a target: then it warns
 */
export function expressionCompilers(
  plugins: readonly Plugin[],
  isTakenAway?: IsTakenAway,
): (warn: Warn) => CompileExpression {
  // Loaded with the first expression.
  let known: Promise<Names<Exchange>> | undefined;
  return function expressionCompiler(warn) {
    return async function compile(source, result, path) {
      known ??= knownNames(plugins, isTakenAway);
      try {
        return await compileExpression(source, {
          names: await known,
          result,
          warn: (message, hint) => warn(path, message, hint),
        });
      } catch (error) {
        throw error instanceof ConfigurationError ? await explain(error) : error;
      }

      /** A misspelt name may be near to one of a plugin that nobody mentions. */
      async function explain(error: ConfigurationError): Promise<ConfigurationError> {
        const names = await knownNames(await loadAllPlugins(plugins));
        const { message, hint, code } = await compileExpression(source, { names, result }).then(
          () => error,
          (again) => again as ConfigurationError,
        );
        return new ConfigurationError(message, path, hint, code);
      }
    };
  };
}
