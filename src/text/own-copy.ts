/** V8 copies shorter substrings by itself. */
const MIN_SLICE_LENGTH = 13;

/**
 * A copy of `text` that shares no memory with another string. V8 keeps a substring as a pointer into the text that it
 * was taken from, so a name that is kept keeps a whole header alive with it. Copy what outlives its request.
 */
export function ownCopy(text: string): string {
  // A browser has no Buffer, and no request heads either.
  if (text.length < MIN_SLICE_LENGTH || typeof Buffer === 'undefined') return text;
  const copy = Buffer.from(text, 'latin1').toString('latin1');
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}
