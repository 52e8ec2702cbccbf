/** As much of a secret in a row as is a leak. Fewer characters are found in anything by chance. */
const RUN = 8;

/** The forms in which a secret may turn up: as it is, and as it travels or is quoted. */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // Base64 looks different when the secret begins in the middle of three bytes.
  const shifted = [0, 1, 2].map((by) =>
    Buffer.concat([Buffer.alloc(by), bytes])
      .toString('base64')
      .slice(by && 4),
  );
  return [
    secret,
    encodeURIComponent(secret),
    encodeURIComponent(encodeURIComponent(secret)),
    JSON.stringify(secret).slice(1, -1),
    bytes.toString('hex'),
    ...shifted,
    ...shifted.map((text) => text.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')),
  ];
}

/**
 * Every place of `printed` where eight characters in a row are those of a secret, in whatever form, with what is around
 * it. Secrets must be random, so that none is found by chance.
 */
export function leaksIn(printed: string, secrets: readonly string[]): string[] {
  const runs = new Set<string>();
  for (const form of secrets.flatMap(formsOf)) {
    for (let at = 0; at + RUN <= form.length; at++) runs.add(form.slice(at, at + RUN));
  }
  const found: string[] = [];
  for (let at = 0; at + RUN <= printed.length; at++) {
    if (!runs.has(printed.slice(at, at + RUN))) continue;
    found.push(printed.slice(Math.max(0, at - 60), at + 60));
    // On to the next line: one finding for each is enough.
    at = printed.indexOf('\n', at);
    if (at === -1) break;
  }
  return found;
}
