// The view of the clients that are connected.
import { call } from './api.js';
import { ask } from './dialog.js';
import { byId, onceAFrame, setText } from './dom.js';
import { setButtons, virtualList } from './list.js';
import { age, amount, behindBy, bytes, count, cursorNumber, milliseconds, shown } from './text.js';

const CLIENT_COLUMNS = [
  { name: 'Id' },
  { name: 'Namespace' },
  { name: 'Client id' },
  { name: 'State', className: 'state' },
  { name: 'Heard', className: 'number', label: 'heard' },
  { name: 'Newest', className: 'number', label: 'newest' },
  { name: 'Connected', className: 'number', label: 'since' },
  { name: 'Pong', className: 'number', label: 'pong' },
  { name: 'Waiting', className: 'number', label: 'waiting' },
  { name: 'Address' },
  { name: 'Kick' },
];

const ORDERS = {
  behind: (a, b) => (b.behind ?? -1) - (a.behind ?? -1) || a.place - b.place,
  id: (a, b) => a.place - b.place,
  waiting: (a, b) => b.bytesWaiting - a.bytesWaiting || a.place - b.place,
  pong: (a, b) => (b.pongMs ?? -1) - (a.pongMs ?? -1) || a.place - b.place,
};

/** @param newestOf the newest cursor of a namespace that was seen in the stream. */
export function clientsView(newestOf, report) {
  let clients = [];
  let total = 0;
  let atMs = 0;
  const list = virtualList(
    byId('clients-list'),
    CLIENT_COLUMNS,
    (
      [id, namespace, clientId, state, heard, newest, since, pong, waiting, address, actions],
      client,
      row,
    ) => {
      const { behind } = client;
      setText(id, `#${shown(client.id, 24)}`);
      setText(namespace, shown(client.namespace));
      if (namespace.title !== namespace.textContent) namespace.title = namespace.textContent;
      setText(clientId, client.clientId === undefined ? '–' : shown(client.clientId));
      if (clientId.title !== clientId.textContent) clientId.title = clientId.textContent;
      setText(state, behind === undefined ? '–' : behind === 0 ? 'up to date' : `behind by ${count(behind)}`);
      row.classList.toggle('behind', behind > 0);
      setText(heard, client.heard === undefined ? '–' : shown(client.heard, 24));
      setText(newest, client.newest === undefined ? '–' : shown(client.newest, 24));
      setText(since, age(client.connectedMs + performance.now() - atMs));
      setText(pong, client.pongMs === undefined ? '–' : milliseconds(client.pongMs));
      setText(waiting, bytes(client.bytesWaiting));
      setText(address, shown(client.remoteAddress ?? '–', 45));
      setButtons(actions, [
        { text: 'Kick', label: `Kick #${shown(client.id, 24)}`, act: () => kick(client, report, refresh) },
      ]);
    },
  );
  const draw = onceAFrame(() => {
    if (byId('view-clients').hidden) return;
    const find = byId('clients-find').value.trim().toLowerCase();
    const onlyBehind = byId('clients-behind').checked;
    for (const [place, client] of clients.entries()) {
      client.place = place;
      const seen = newestOf(client.namespace);
      if (seen !== undefined && !(cursorNumber(client.newest) >= cursorNumber(seen))) client.newest = seen;
      client.behind = behindBy(client);
    }
    const rows = clients.filter(
      ({ namespace, clientId, id, remoteAddress, behind }) =>
        (!onlyBehind || behind > 0) &&
        (find === '' ||
          [namespace, clientId, `#${id}`, remoteAddress].some((text) => text?.toLowerCase().includes(find))),
    );
    rows.sort(ORDERS[byId('clients-order').value]);
    list.setRows(rows);
    setText(byId('clients-note'), noteText(clients, total));
    byId('clients-note').classList.toggle(
      'warn',
      clients.some(({ behind }) => behind > 0),
    );
  });
  for (const id of ['clients-find', 'clients-behind', 'clients-order'])
    byId(id).addEventListener('input', draw);

  const refresh = async () => {
    const all = [];
    let next;
    do {
      const page = await call(
        'GET',
        `/v1/clients${next === undefined ? '' : `?after=${encodeURIComponent(next)}`}`,
      );
      all.push(...page.clients);
      total = page.total;
      next = page.next;
    } while (next !== undefined);
    clients = all;
    atMs = performance.now();
    draw();
  };
  return { draw, refresh };
}

function noteText(clients, total) {
  if (total === 0) return 'No client is connected.';
  const behind = clients.filter((client) => client.behind > 0);
  const of = amount(total, 'client');
  if (behind.length === 0) return `${of}, none known to be behind.`;
  if (behind.length > 1) {
    const most = Math.max(...behind.map((client) => client.behind));
    return `${count(behind.length)} of ${of} are behind, by at most ${count(most)}.`;
  }
  const [{ id, clientId, namespace, behind: by }] = behind;
  return `1 of ${of} is behind: #${shown(id, 24)}${clientId === undefined ? '' : ` (${shown(clientId, 60)})`} in ${shown(namespace, 60)}, by ${count(by)}.`;
}

function kick(client, report, refresh) {
  const name = `#${shown(client.id, 24)}${client.clientId === undefined ? '' : ` (${shown(client.clientId, 60)})`}`;
  ask({
    title: `Kick ${name}`,
    text: `Closes the connection of ${name} in ${shown(client.namespace, 60)}. A DataFn client connects again by itself.`,
    fields: [
      { name: 'code', label: 'Close code (1000, 1001, 1008, 1011 to 1014, or 3000 to 4999)', value: '4000' },
      { name: 'reason', label: 'Reason (at most 123 bytes)', value: 'Kicked from the dashboard' },
    ],
    ok: 'Kick',
    isDanger: true,
    act: async ({ code, reason }) => {
      const query = new URLSearchParams({ code, ...(reason === '' ? {} : { reason }) });
      await call('DELETE', `/v1/clients/${encodeURIComponent(client.id)}?${query}`);
      await refresh().catch(report);
    },
  });
}
