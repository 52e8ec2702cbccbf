// The stream of events, which comes back by itself.
import { request } from './api.js';

/** Milliseconds between two attempts to connect: doubled from the first to the second. */
const RETRY_MS = [500, 5000];
/** A stream that is silent for longer is dead: the server gives a sign of life each 15 s. */
const SILENCE_MS = 40_000;

/** Reads server-sent events out of pieces of text. `take` gets the kind, the data and the id of each. */
export function eventParser(take) {
  let rest = '';
  let id = '';
  return (piece) => {
    const blocks = (rest + piece).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      let kind = 'message';
      let data;
      for (const line of block.split('\n')) {
        if (line.startsWith('id: ')) id = line.slice(4);
        else if (line.startsWith('event: ')) kind = line.slice(7);
        else if (line.startsWith('data: ')) data = line.slice(6);
      }
      if (data !== undefined || id !== '') take(kind, data === undefined ? undefined : JSON.parse(data), id);
    }
  };
}

/**
 * Follows the events for good: after a failure it connects again, and asks for what it has missed.
 *
 * @param heard called with the kind, the data and the id of each event.
 * @param changed called with `open`, `waiting` and the error, or `closed` and the error: the token is refused.
 * @returns tries at once, where it waits.
 */
export function followEvents(heard, changed) {
  let lastId = '';
  let retryMs = RETRY_MS[0];
  let wake = () => {};
  const connect = async () => {
    const abort = new AbortController();
    let silence;
    const hear = () => {
      clearTimeout(silence);
      silence = setTimeout(() => abort.abort(), SILENCE_MS);
    };
    const parse = eventParser((kind, data, id) => {
      lastId = id;
      if (data !== undefined) heard(kind, data, id);
    });
    try {
      hear();
      const headers = lastId === '' ? {} : { 'last-event-id': lastId };
      const { body } = await request(`/v1/events?last=1000`, { headers, signal: abort.signal });
      changed('open');
      retryMs = RETRY_MS[0];
      const reader = body.pipeThrough(new TextDecoderStream()).getReader();
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return undefined;
        hear();
        parse(value);
      }
    } finally {
      clearTimeout(silence);
    }
  };
  const run = async () => {
    for (;;) {
      let error;
      try {
        error = await connect();
      } catch (thrown) {
        error = thrown;
      }
      if (error?.status === 401) {
        changed('closed', error);
        await new Promise((resolve) => {
          wake = resolve;
        });
        continue;
      }
      changed('waiting', error);
      const waitMs = retryMs * (0.8 + Math.random() * 0.4);
      retryMs = Math.min(retryMs * 2, RETRY_MS[1]);
      await new Promise((resolve) => {
        wake = resolve;
        setTimeout(resolve, waitMs);
      });
    }
  };
  void run();
  return () => wake();
}
