import { describe } from '../../protocol/identifiers.js';

/** The path of a request target, which may be an absolute URL (RFC 9112 section 3.2). */
export function pathOf(target = ''): string {
  const mark = target.indexOf('?');
  const path = mark === -1 ? target : target.slice(0, mark);
  if (path.startsWith('/') || !URL.canParse(path)) return path;
  return new URL(path).pathname;
}

/** A token that ended up in the path, such as behind an `&` where a `?` was meant. */
const TOKEN_IN_PATH = /(token(?:=|%3d)).*/i;

/** A segment that is long enough for a token, with letters and digits: one that ended up behind the path. */
const TOKEN_SEGMENT = /\/(?=[^/]*\d)(?=[^/]*[a-z])[\w.~+=%-]{16,}(?=\/|$)/gi;

/** The path of a request target as a log or an error may show it: quoted, not too long, and without a token. */
export function shownPath(target?: string): string {
  return describe(pathOf(target).replace(TOKEN_IN_PATH, '$1***').replace(TOKEN_SEGMENT, '/***'));
}
