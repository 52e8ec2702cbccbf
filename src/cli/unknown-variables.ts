import { benchOptions, compareOptions } from '../options/bench.js';
import { emitOptions } from '../options/emit.js';
import { listenOptions, whoOptions } from '../options/listen.js';
import { serveOptions } from '../options/serve.js';
import { envOf, type OptionTable } from '../options/spec.js';
import { tokenOptions } from '../options/token.js';
import { nearest } from '../text/nearest.js';

/** Of every command: a variable may be there for another one. */
const TABLES: readonly OptionTable[] = [
  serveOptions,
  emitOptions,
  benchOptions,
  compareOptions,
  tokenOptions,
  listenOptions,
  whoOptions,
];
const PREFIX = 'DATAFN_WS_';

/** What to say of each variable of the environment that looks like an option and is none; never its value. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = TABLES.flatMap((table) =>
    Object.keys(table)
      .filter((key) => table[key]?.fromEnv)
      .map(envOf),
  );
  return Object.keys(env)
    .filter((name) => name.startsWith(PREFIX) && !known.includes(name))
    .map((name) => {
      // What all of them begin with is no likeness.
      const ends = known.map((one) => one.slice(PREFIX.length));
      const near = nearest(name.slice(PREFIX.length), ends);
      return `there is no variable ${name}.${near === undefined ? '' : ` Did you mean ${PREFIX}${near}?`}`;
    });
}
