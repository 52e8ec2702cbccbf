// The view of the namespaces, and emits into them.
import { call } from './api.js';
import { ask } from './dialog.js';
import { byId, onceAFrame, setText } from './dom.js';
import { setButtons, virtualList } from './list.js';
import { amount, count, cursorNumber, shown } from './text.js';

const NAMESPACE_COLUMNS = [
  { name: 'Namespace' },
  { name: 'Clients', className: 'number', label: 'clients' },
  { name: 'Newest cursor', className: 'number', label: 'newest' },
  { name: 'Broadcasts/s', className: 'number', label: 'broadcasts/s' },
  { name: 'Emit' },
];
/** Time over which a rate is taken. */
const RATE_MS = 5000;
/** Cursors in one request: the default limit of a server. */
const MAX_BATCH = 10_000;

/** The newest cursor of each namespace, and how often it gets one, as the stream has it. */
export class SeenCursors {
  #seen = new Map();

  add({ namespace, cursor, atMs }) {
    let one = this.#seen.get(namespace);
    if (one === undefined) {
      one = { cursor, times: [] };
      this.#seen.set(namespace, one);
    }
    // The newest is the highest; where they are no numbers, the last.
    if (!(cursorNumber(cursor) < cursorNumber(one.cursor))) one.cursor = cursor;
    one.times.push(atMs);
    if (one.times.length > 20_000) one.times.splice(0, 10_000);
  }

  newestOf(namespace) {
    return this.#seen.get(namespace)?.cursor;
  }

  /** Broadcasts per second, in the last few seconds before `nowMs`. */
  rateOf(namespace, nowMs) {
    const times = this.#seen.get(namespace)?.times;
    if (times === undefined) return 0;
    let old = 0;
    while (old < times.length && times[old] < nowMs - RATE_MS) old += 1;
    if (old > 0) times.splice(0, old);
    return times.length / (RATE_MS / 1000);
  }

  get names() {
    return this.#seen.keys();
  }
}

/** @param serverNowMs the time by the clock of the server. */
export function namespacesView(seen, serverNowMs, report) {
  let namespaces = [];
  let highest = null;
  const list = virtualList(
    byId('namespaces-list'),
    NAMESPACE_COLUMNS,
    ([name, clients, newest, rate, actions], { namespace, connections }) => {
      setText(name, shown(namespace));
      if (name.title !== name.textContent) name.title = name.textContent;
      setText(clients, count(connections));
      setText(newest, shown(seen.newestOf(namespace) ?? '–', 30));
      setText(rate, String(seen.rateOf(namespace, serverNowMs())));
      const short = shown(namespace, 60);
      setButtons(actions, [
        { text: 'Emit next', label: `Emit next into ${short}`, act: () => emitNext(namespace) },
        { text: 'Emit …', label: `Emit … into ${short}`, act: () => emitOne(namespace) },
        { text: 'Burst …', label: `Burst … into ${short}`, act: () => burst(namespace) },
      ]);
    },
  );
  const draw = onceAFrame(() => {
    if (byId('view-namespaces').hidden) return;
    const find = byId('namespaces-find').value.trim().toLowerCase();
    const known = new Set(namespaces.map(({ namespace }) => namespace));
    const empty = [...seen.names].filter((name) => !known.has(name));
    const all = [...namespaces, ...empty.map((namespace) => ({ namespace, connections: 0 }))];
    list.setRows(all.filter(({ namespace }) => find === '' || namespace.toLowerCase().includes(find)));
    if (all.length === 0) say('No namespace has a client, and none had a broadcast.');
    else if (!isSaying) setText(byId('namespaces-note'), amount(all.length, 'namespace'));
  });
  /** Whether the note says what an emit did. */
  let isSaying = false;
  const say = (text) => {
    isSaying = true;
    setText(byId('namespaces-note'), text);
    setTimeout(() => {
      isSaying = false;
      draw();
    }, 4000);
  };
  byId('namespaces-find').addEventListener('input', draw);

  const nextOf = (namespace) => (cursorNumber(seen.newestOf(namespace) ?? highest ?? '0') ?? 0) + 1;
  const emit = async (namespace, cursors) => {
    const { results } = await call(
      'POST',
      '/v1/cursors',
      cursors.map((cursor) => ({ namespace, cursor: String(cursor) })),
    );
    const delivered = results.reduce((sum, one) => sum + one.delivered, 0);
    const what = cursors.length === 1 ? `cursor ${shown(cursors[0], 60)}` : amount(cursors.length, 'cursor');
    say(`Emitted ${what} to ${shown(namespace, 60)}: ${amount(delivered, 'delivery', 'deliveries')}.`);
  };
  const emitNext = (namespace) => emit(namespace, [nextOf(namespace)]).catch(report);
  const emitOne = (namespace) =>
    ask({
      title: 'Emit a cursor',
      text: namespace === undefined ? '' : `Into ${shown(namespace, 100)}.`,
      fields: [
        ...(namespace === undefined ? [{ name: 'into', label: 'Namespace' }] : []),
        { name: 'cursor', label: 'Cursor', value: namespace === undefined ? '' : String(nextOf(namespace)) },
      ],
      ok: 'Emit',
      act: ({ into, cursor }) => emit(namespace ?? into, [cursor]),
    });
  const burst = (namespace) =>
    ask({
      title: 'Emit a burst',
      text: `Into ${shown(namespace, 100)}, in one request, from cursor ${nextOf(namespace)} on.`,
      fields: [{ name: 'size', label: `Cursors (1 to ${count(MAX_BATCH)})`, value: '100' }],
      ok: 'Emit',
      act: ({ size }) => {
        if (!/^\d+$/.test(size) || Number(size) < 1 || Number(size) > MAX_BATCH)
          throw new Error(`Expected a whole number from 1 to ${count(MAX_BATCH)}, got ${shown(size, 40)}`);
        const first = nextOf(namespace);
        return emit(
          namespace,
          Array.from({ length: Number(size) }, (_, index) => first + index),
        );
      },
    });
  byId('namespaces-emit').addEventListener('click', () => emitOne(undefined));

  return {
    draw,
    async refresh() {
      ({ namespaces } = await call('GET', '/v1/namespaces'));
      draw();
    },
    setHighest(cursor) {
      highest = cursor;
    },
  };
}
