import type { ServeOptions } from '../../options/serve.js';
import { envOf } from '../../options/spec.js';
import { shellWord } from '../../text/shell.js';
import type { Example } from './banner.js';

/** Who is in the examples. */
export const ALICE = 'user:alice';

/** Without a secret there is nothing to stand in for. */
export function devExample(anonymousNamespace: string | undefined): Example {
  return anonymousNamespace === undefined
    ? { namespace: ALICE, token: ALICE }
    : { namespace: anonymousNamespace };
}

/** With a secret, a person can make a token; its text is not shown, so it is named by where it is from. */
export function jwtExample(values: ServeOptions): Example {
  const names = [...values.jwtNamespace.matchAll(/\{([^{}]+)\}/g)].map(([, name = '']) => name);
  const exampleOf = (name: string) => (name === 'sub' ? 'alice' : name);
  const example = {
    namespace: values.jwtNamespace.replace(/\{([^{}]+)\}/g, (_, name: string) => exampleOf(name)),
    token: 'JWT',
  };
  if (values.jwtSecret === undefined && values.jwtSecretFile === undefined) return example;
  const claims = new Map(names.map((name) => [name, exampleOf(name)]));
  if (values.jwtIssuer !== undefined) claims.set('iss', values.jwtIssuer);
  if (values.jwtAudience !== undefined) claims.set('aud', values.jwtAudience);
  const words = [...claims].map(([name, value]) => `--claim ${shellWord(`${name}=${value}`)}`);
  const command = ['npx datafn-ws token', ...words].join(' ');
  // The command reads the variable by itself.
  return values.jwtSecretFile === undefined
    ? { ...example, tokenCommand: command, tokenVariable: envOf('jwtSecret') }
    : { ...example, tokenCommand: `${command} --secret-file ${shellWord(values.jwtSecretFile)}` };
}
