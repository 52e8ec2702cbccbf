import { expect, test } from 'vitest';
import type { Backplane, BackplaneListener, ClusterCursor } from '../../src/backplane/backplane.js';
import type { ConnectEngine, EngineLink, EngineMessage } from '../../src/backplane/engine.js';
import { MemoryEngine, memoryBackplane } from '../../src/backplane/memory.js';
import { CursorRegister } from '../../src/backplane/register.js';
import { seededRandom } from '../../src/bench/measure/clock.js';
import { FakeClock } from '../support/fake-clock.js';

const NODES = 4;
const NAMESPACES = ['a', 'b', 'c'];
const STEPS = 120;

/** Numbers in [0, 1) of a seed. */
function randomOf(seed: number): () => number {
  let draw = 0;
  return () => seededRandom(seed, 0, draw++);
}

/** A network between the nodes and the engine that loses, doubles, delays and so reorders what it carries. */
class FaultyNetwork {
  isFaulty = true;
  readonly #cut = new Set<string>();
  readonly #connections = new Map<string, Set<(why: string) => void>>();

  constructor(
    private readonly engine: MemoryEngine,
    private readonly clock: FakeClock,
    private readonly random: () => number,
  ) {}

  /** Whether nothing passes between a node and the engine; mute, unless its connections are dropped as well. */
  partition(node: string, isCut: boolean, drops: boolean): void {
    if (isCut) this.#cut.add(node);
    else this.#cut.delete(node);
    if (!drops) return;
    for (const close of [...(this.#connections.get(node) ?? [])]) close('dropped');
  }

  heal(): void {
    this.isFaulty = false;
    this.#cut.clear();
  }

  connect(name: string): ConnectEngine {
    return async (caller, events, signal) => {
      if (this.#cut.has(name)) throw new Error('unreachable');
      let isOpen = true;
      let opened: EngineLink | undefined;
      const closes = this.#connections.get(name) ?? new Set();
      this.#connections.set(name, closes);
      const close = (why: string) => {
        if (!isOpen) return;
        isOpen = false;
        closes.delete(close);
        opened?.close();
        events.closed(why);
      };
      closes.add(close);
      const message = (one: EngineMessage) =>
        this.#carry(name, () => {
          if (isOpen) events.message(one);
        });
      const link = await this.engine.connect(caller, { message, closed: close }, signal);
      opened = link;
      if (!isOpen) {
        link.close();
        throw new Error('dropped');
      }
      // Carried there, carried out, and its answer carried back: each may be lost.
      const through = <Value>(call: () => Promise<Value>): Promise<Value> =>
        new Promise((resolve, reject) => {
          this.#carry(name, () =>
            call().then(
              (value) => this.#carry(name, () => resolve(value)),
              (error: unknown) => this.#carry(name, () => reject(error)),
            ),
          );
        });
      const faulty: EngineLink = {
        ...link,
        update: (items, mode) => through(() => link.update(items, mode)),
        beat: (beat) => through(() => link.beat(beat)),
        reserve: (...args) => through(() => link.reserve(...args)),
        restate: (counts) => through(() => link.restate(counts)),
        scan: async function* () {
          yield* await through(async () => {
            const parts: (readonly ClusterCursor[])[] = [];
            for await (const part of link.scan()) parts.push(part);
            return parts;
          });
        },
        close() {
          isOpen = false;
          closes.delete(close);
          link.close();
        },
      };
      return faulty;
    };
  }

  #carry(node: string, deliver: () => unknown): void {
    if (this.#cut.has(node)) return;
    if (!this.isFaulty) {
      deliver();
      return;
    }
    const fate = this.random();
    if (fate < 0.1) return;
    const times = fate < 0.2 ? 2 : 1;
    for (let i = 0; i < times; i++) {
      const delayMs = this.random() < 0.3 ? this.random() * 2000 : 1;
      this.clock.setTimeout(() => {
        if (!this.#cut.has(node)) deliver();
      }, delayMs);
    }
  }
}

/** A node, and what its clients have been handed. */
class SimulatedNode implements BackplaneListener {
  readonly handed = new CursorRegister(1000);

  constructor(
    readonly name: string,
    readonly backplane: Backplane,
  ) {
    backplane.start(this);
  }

  emit(namespace: string, cursor: string, reset: boolean): void {
    // The epoch is not known here; clients hear the cursor all the same.
    this.sent.push({ namespace, cursor });
    void this.backplane.publish([{ namespace, cursor, reset }]);
  }

  readonly sent: { namespace: string; cursor: string }[] = [];

  cursors(items: readonly ClusterCursor[]): void {
    for (const item of items) this.handed.merge(item.namespace, item);
  }

  state(): void {}

  connections(): number {
    return 0;
  }
}

async function settle(clock: FakeClock, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += 50) {
    clock.advance(50);
    // What waits for promises gets its turn: some of them wait for several in a row.
    for (let i = 0; i < 30; i++) await Promise.resolve();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

test.each(SEEDS)(
  'any loss, duplication, reordering and partition ends with all equal: seed %i',
  async (seed) => {
    const random = randomOf(seed);
    const clock = new FakeClock();
    const engine = new MemoryEngine(clock);
    const network = new FaultyNetwork(engine, clock, random);
    const nodes = Array.from({ length: NODES }, (_, i) => {
      const name = `node-${i}`;
      const parts = { connect: network.connect(name), clock, random };
      return new SimulatedNode(name, memoryBackplane(engine, parts));
    });
    const pick = <Item>(items: readonly Item[]) => items[Math.floor(random() * items.length)] as Item;
    for (let step = 1; step <= STEPS; step++) {
      const node = pick(nodes);
      const what = random();
      if (what < 0.7) node.emit(pick(NAMESPACES), String(Math.floor(random() * 1000)), random() < 0.05);
      else if (what < 0.8) network.partition(node.name, true, random() < 0.5);
      else if (what < 0.95) network.partition(node.name, false, random() < 0.5);
      else if (what < 0.97) engine.flush();
      else engine.disconnect('restarted');
      await settle(clock, random() * 500);
    }
    network.heal();
    await settle(clock, 15_000);
    // What a node says to one that has just come is what it holds itself.
    const newest = [...engine.cursors].map(([namespace, { cursor, epoch }]) => ({
      namespace,
      cursor,
      epoch,
    }));
    expect(newest.length).toBe(NAMESPACES.length);
    for (const { name, backplane, handed, sent } of nodes) {
      expect(backplane.view(), `${name}, seed ${seed}`).toMatchObject({ state: 'up', kept: 0 });
      expect(backplane.view().nodes.length).toBe(NODES);
      for (const { namespace, cursor, epoch } of newest) {
        // Its clients have heard the newest: from the cluster, or because it was emitted here.
        const own = sent.some((one) => one.namespace === namespace && one.cursor === cursor);
        const known = handed.get(namespace);
        if (!own) expect({ name, seed, ...known }).toMatchObject({ cursor, epoch });
      }
    }
    await Promise.all([...nodes.map(({ backplane }) => backplane.close()), settle(clock, 3000)]);
  },
);
