/**
 * The text that bytes are in UTF-8, without the byte order mark that some editors put in front; `undefined` when they
 * are none. Decoding without this check would put U+FFFD in place of what is wrong, and nobody would notice.
 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
