import type { Plugin } from '../plugin/plugin.ts';
import type { Configuration, PluginOptions } from './shape.ts';

/** The headers that plugins own, anywhere in a configuration: also at a service that no route uses. */
export function ownedHeadersOf(configuration: Configuration, plugins: readonly Plugin[]): readonly string[] {
  const { entry, plugins: global, services, routes, consumers } = configuration;
  const below = [services, routes, consumers].flatMap((places) => Object.values<Place>(places));
  const all = [entry, global, ...below.map((place) => place.plugins)];
  return plugins.flatMap((plugin) =>
    all.flatMap((options) => {
      const own = options[plugin.name];
      return own === undefined ? [] : (plugin.ownsHeaders?.(own) ?? []);
    }),
  );
}

interface Place {
  readonly plugins: PluginOptions;
}
