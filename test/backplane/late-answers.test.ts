import { expect, test } from 'vitest';
import type { EngineLink } from '../../src/backplane/engine.js';
import { IpcBackplane } from '../../src/backplane/ipc.js';
import type { MessageToHub } from '../../src/backplane/ipc-messages.js';
import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { FakeClock } from '../support/fake-clock.js';
import { RecordedNode } from './recorded-node.js';

test('a primary process that does not answer grants no client more, and takes none away', async () => {
  const clock = new FakeClock();
  const sent: MessageToHub[] = [];
  const limits = { workers: 1, maxConnections: Number.POSITIVE_INFINITY };
  const backplane = new IpcBackplane(
    { send: (message) => sent.push(message) },
    { id: 'w', clock, ...limits },
  );
  new RecordedNode(backplane).start();
  const first = backplane.reserve('a', 1, 5);
  const asked = sent.find((message) => message.type === 'reserve');
  backplane.receive({ type: 'reserved', id: asked?.id ?? 0, granted: 1 });
  expect(await first).toEqual({ granted: 1, checked: true });
  const second = backplane.reserve('a', 2, 5);
  clock.advance(10_000);
  expect(await second).toEqual({ granted: 0, checked: true });
  await backplane.close();
});

test('an engine that answers after its server was closed is let go of at once', async () => {
  const engine = new MemoryEngine();
  const [links, closed] = [[] as EngineLink[], [] as EngineLink[]];
  let answer = () => {};
  const isAnswered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const connect: MemoryEngine['connect'] = async (caller, events, signal) => {
    await isAnswered;
    const link = await engine.connect(caller, events, signal);
    links.push(link);
    return { ...link, close: () => void closed.push(link) };
  };
  const backplane = memoryBackplane(engine, { connect });
  const node = new RecordedNode(backplane).start();
  await backplane.close();
  answer();
  await expect.poll(() => links.length).toBe(1);
  await expect.poll(() => closed).toEqual(links);
  expect(node.states).not.toContain('up');
});
