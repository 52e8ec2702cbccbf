import { serveOptions } from './serve.js';
import type { OptionSpec } from './spec.js';

/** The JSON Schema of the config file of `serve`, for editors. */
export function configJsonSchema(): Readonly<Record<string, unknown>> {
  const options = Object.entries<OptionSpec<unknown>>(serveOptions).filter(
    ([, { fromConfig }]) => fromConfig,
  );
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Config file of datafn-ws serve',
    type: 'object',
    additionalProperties: false,
    properties: {
      $schema: { type: 'string', description: 'Where this schema is; not an option.' },
      ...Object.fromEntries(
        options.map(([key, { help, defaultText, default: value, json }]) => {
          const shown = defaultText ?? value;
          const isShown = shown !== undefined && !Array.isArray(shown);
          return [key, { description: help, ...json, ...(isShown ? { default: shown } : {}) }];
        }),
      ),
    },
  };
}
