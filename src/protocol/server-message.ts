/** A message that a client takes for a cursor. */
export interface CursorMessage {
  readonly isCursor: true;
  /** What the client makes of the cursor; NaN where it makes nothing of it. */
  readonly cursor: number;
  /** The cursor as it was sent; a JSON number has no digits of its own. */
  readonly text: string | undefined;
}

/** A message that a client ignores. */
export interface OtherMessage {
  readonly isCursor: false;
  /** Messages of one kind are counted together. */
  readonly kind: string;
}

/** Characters of a type that are kept. */
const MAX_TYPE_LENGTH = 40;

/**
 * Reads a text as a DataFn client does: JSON of the type "cursor", with a cursor that `parseInt` reads, a string or a
 * number.
 */
export function readMessage(text: string): CursorMessage | OtherMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return other('text that is not JSON');
  }
  if (typeof value !== 'object' || value === null) return other('JSON that is not an object');
  const { type, cursor } = value as { type?: unknown; cursor?: unknown };
  if (typeof type !== 'string') return other('JSON without a type');
  if (type !== 'cursor') return other(`type ${JSON.stringify(type.slice(0, MAX_TYPE_LENGTH))}`);
  if (!cursor || (typeof cursor !== 'string' && typeof cursor !== 'number'))
    return other('type "cursor" without a cursor');
  return {
    isCursor: true,
    cursor: Number.parseInt(String(cursor), 10),
    text: typeof cursor === 'string' ? cursor : undefined,
  };
}

function other(kind: string): OtherMessage {
  return { isCursor: false, kind };
}
