import type { IncomingHttpHeaders } from 'node:http';

/** Characters of a secret in a row that are hidden. */
const RUN = 8;
/** Longer messages are truncated. */
const MAX_LENGTH = 500;
const HIDDEN = '[hidden]';

/** Headers that may hold a credential. */
const SECRET_HEADER = /auth|cookie|token|secret|key|session|protocol/;

/**
 * A message of a user's code about a request, fit for a log: no eight characters in a row are those of the token, of
 * another credential or of the query. Hiding only whole tokens is not enough: `JSON.parse` quotes the beginning of what
 * it could not read.
 */
export function redact(
  message: string,
  { token, url, headers }: { token: string | undefined; url: string; headers: IncomingHttpHeaders },
): string {
  const secrets = [
    token ?? '',
    url.includes('?') ? url.slice(url.indexOf('?') + 1) : '',
    ...Object.entries(headers)
      .filter(([name]) => SECRET_HEADER.test(name))
      .flatMap(([, value]) => value ?? []),
  ];
  const text = message.length > MAX_LENGTH ? `${message.slice(0, MAX_LENGTH)}…` : message;
  const isHidden = new Array<boolean>(text.length).fill(false);
  for (const secret of secrets) {
    // A shorter secret is hidden whole, unless it is so short that it would match everywhere.
    const run = Math.min(RUN, secret.length);
    if (run < 4) continue;
    for (let at = 0; at + run <= text.length; at++) {
      if (secret.includes(text.slice(at, at + run))) isHidden.fill(true, at, at + run);
    }
  }
  let redacted = '';
  for (const [index, hidden] of isHidden.entries()) {
    if (!hidden) redacted += text[index];
    else if (!isHidden[index - 1]) redacted += HIDDEN;
  }
  return redacted;
}
