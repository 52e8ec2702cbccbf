/** Decodes UTF-8, without a byte order mark; `undefined` for bytes that are not UTF-8, in place of a silent U+FFFD. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
