import { expect, test } from 'vitest';
import type { CursorItem } from '../../../src/server/http/cursors.js';
import { CursorFeed } from '../../../src/server/proxy/cursor-feed.js';
import { RecordingLogger } from '../../support/recording-logger.js';

function feed(maxNamespaces = 100) {
  const sent: CursorItem[] = [];
  const remembered: string[] = [];
  const logger = new RecordingLogger();
  const subject = new CursorFeed({
    broadcast: (item) => sent.push(item),
    repeat: () => {},
    remember: (namespace, cursor) => remembered.push(`${namespace} ${cursor}`),
    maxNamespaces,
    logger,
  });
  return { subject, sent, remembered, logger };
}

const tick = () => new Promise((resolve) => setImmediate(resolve));
const news = (cursor: number, isFresh = true) => ({ cursor, isNews: true, isFresh });

test('what is learned in one tick is broadcast once for each namespace: its newest cursor', async () => {
  const { subject, sent } = feed();
  const since = subject.moment;
  for (const cursor of [3, 5, 4]) subject.learned('a', news(cursor), since);
  subject.learned('b', news(1), since);
  expect(sent).toEqual([]);
  await tick();
  expect(sent).toEqual([
    { namespace: 'a', cursor: '5' },
    { namespace: 'b', cursor: '1' },
  ]);
  subject.learned('a', news(5), subject.moment);
  await tick();
  expect(sent).toHaveLength(2);
});

test('what is no news is remembered only, and does not hold back a lower cursor that is', async () => {
  const { subject, sent, remembered } = feed();
  subject.learned('a', { cursor: 20, isNews: false, isFresh: false }, 0);
  subject.learned('a', news(18), 0);
  await tick();
  expect(remembered).toEqual(['a 20']);
  expect(sent).toEqual([{ namespace: 'a', cursor: '18' }]);
});

test('a lower cursor resets the namespace only if its push began after the higher one was known', async () => {
  const { subject, sent, logger } = feed();
  const early = subject.moment;
  subject.learned('a', news(90), early);
  await tick();
  subject.learned('a', news(3), early);
  subject.learned('a', news(3, false), subject.moment);
  await tick();
  expect(sent).toHaveLength(1);
  subject.learned('a', news(3), subject.moment);
  subject.learned('a', news(4), subject.moment);
  await tick();
  expect(sent).toEqual([
    { namespace: 'a', cursor: '90' },
    { namespace: 'a', cursor: '4', reset: true },
  ]);
  expect(logger.warnings).toHaveLength(1);
});

test('the least recently used namespace is forgotten beyond the limit', async () => {
  const { subject, sent } = feed(2);
  for (const namespace of ['a', 'b', 'c']) subject.learned(namespace, news(5), 0);
  subject.learned('c', news(4, false), 0);
  subject.learned('a', news(4, false), 0);
  await tick();
  expect(sent.map(({ namespace, cursor }) => `${namespace} ${cursor}`)).toEqual(['a 4', 'b 5', 'c 5']);
});
