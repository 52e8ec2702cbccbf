import { API } from './api.js';
import { AUTH } from './auth.js';
import type { Clause } from './clause.js';
import { CLOSE_CLAUSES } from './close.js';
import { CURSOR } from './cursor.js';
import { FRAMES } from './frames.js';
import { HANDSHAKE } from './handshake.js';
import { HEARTBEAT } from './heartbeat.js';
import { HELLO } from './hello.js';
import { HTTP } from './http.js';
import { LIMITS } from './limits.js';
import { MESSAGE } from './message.js';

/** Every clause, by group. To add one, give it the next number of its group. */
export const CLAUSES: readonly Clause[] = [
  ...AUTH,
  ...HELLO,
  ...MESSAGE,
  ...CURSOR,
  ...HEARTBEAT,
  ...LIMITS,
  ...CLOSE_CLAUSES,
  ...FRAMES,
  ...HANDSHAKE,
  ...HTTP,
  ...API,
];
