/** Shorter than that, a text is part of words. */
const MIN_SECRET_LENGTH = 4;

/** What a server said, with `…` for each secret of ours that it repeats. */
export function withoutSecrets(words: string, secrets: readonly string[]): string {
  return secrets
    .filter(({ length }) => length >= MIN_SECRET_LENGTH)
    .reduce((shown, secret) => shown.replaceAll(secret, '…'), words);
}
