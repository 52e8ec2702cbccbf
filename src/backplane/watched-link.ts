import { formatDuration } from '../text/units.js';
import { type EngineLink, type NodeClock, UNHEARD_MS } from './engine.js';
import { Silence } from './silence.js';

/**
 * A link whose commands are answered within {@link UNHEARD_MS}, or else it is given up: a recovery that waits for an answer
 * that never comes would wait forever, while the beats go on.
 *
 * @param giveUp called with the reason.
 */
export function watchedLink(link: EngineLink, clock: NodeClock, giveUp: (why: string) => void): EngineLink {
  const watched = <Value>(answer: Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      const silence = new Silence(clock, () => {
        const why = `a command was not answered for ${formatDuration(UNHEARD_MS)}`;
        giveUp(why);
        reject(new Error(why));
      });
      silence.restart();
      answer.then(resolve, reject).finally(() => silence.end());
    });
  return {
    update: (items, mode) => watched(link.update(items, mode)),
    beat: (beat) => watched(link.beat(beat)),
    reserve: (namespace, count, limit) => watched(link.reserve(namespace, count, limit)),
    restate: (counts) => watched(link.restate(counts)),
    send: (message) => watched(link.send(message)),
    leave: () => watched(link.leave()),
    close: () => link.close(),
    async *scan() {
      const parts = link.scan()[Symbol.asyncIterator]();
      for (;;) {
        const { done, value } = await watched(parts.next());
        if (done) return;
        yield value;
      }
    },
  };
}
