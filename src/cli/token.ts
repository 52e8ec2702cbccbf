import { serveOptions } from '../options/serve-flags.js';
import { resolveOptions, traceOptions } from '../options/spec.js';
import { type TokenOptions, tokenOptions } from '../options/token.js';
import { invalidOption } from '../protocol/errors.js';
import { signJwt } from '../text/jwt.js';
import { readJwtSecret } from './input-files.js';
import type { Io } from './io.js';

/** Prints a token, and nothing else, to stdout; the exit code. */
export async function token(flags: Record<string, string>, io: Io): Promise<number> {
  const options = resolveOptions(tokenOptions, { flags, env: io.env });
  const secret = await secretOf(options, io);
  const nowS = Math.floor(Date.now() / 1000);
  const claims = {
    iat: nowS,
    ...(options.expiresIn === 0 ? {} : { exp: nowS + Math.ceil(options.expiresIn / 1000) }),
    ...Object.fromEntries(options.claim.map(pairOf)),
    ...JSON.parse(options.claims),
  };
  io.stdout.write(`${signJwt(claims, secret)}\n`);
  return 0;
}

function pairOf(claim: string): [string, string] {
  const equals = claim.indexOf('=');
  return [claim.slice(0, equals), claim.slice(equals + 1)];
}

/** From the flags, or else from the environment, where `serve` finds its own. */
async function secretOf({ secret, secretFile }: TokenOptions, { env }: Io): Promise<string | Uint8Array> {
  if (secret !== undefined && secretFile !== undefined) {
    throw invalidOption('Pass either --secret or --secret-file, not both.');
  }
  if (secret !== undefined) return secret;
  if (secretFile !== undefined) return readJwtSecret(secretFile, '--secret-file');
  const { jwtSecret, jwtSecretFile } = serveOptions;
  const { values, origins } = traceOptions({ jwtSecret, jwtSecretFile }, { flags: {}, env });
  if (values.jwtSecret !== undefined) return values.jwtSecret;
  if (values.jwtSecretFile !== undefined)
    return readJwtSecret(values.jwtSecretFile, origins.jwtSecretFile.from);
  throw invalidOption(
    "Missing secret. Pass the server's JWT secret with --secret-file, --secret or DATAFN_WS_JWT_SECRET.",
  );
}
