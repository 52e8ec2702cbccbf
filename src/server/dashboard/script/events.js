// The events that were heard, what they say, and bursts of them.
import { amount, behindBy, count, shown } from './text.js';

/** Events that are kept. */
export const MAX_EVENTS = 5000;
/** Events of one burst: each comes within this time of the one before. */
const BURST_MS = 1000;
/** Who is behind is said again and again, and folded for longer. */
const BEHIND_MS = 10_000;
/** A burst of fewer is not folded. */
const MIN_BURST = 4;
const MIN_BEHIND = 2;
/** Clients that are behind and named in one line. */
const MAX_NAMED = 3;
/** Bursts that grow at the same time: clients come, say hello and leave, all mixed. */
const MIXED = 6;

/** The kinds, each with a name for people and a tone. */
export const KINDS = {
  connected: ['connected', 'good'],
  hello: ['hello', ''],
  behind: ['behind', 'warn'],
  refused: ['refused', 'bad'],
  rejectedUpgrade: ['upgrade rejected', 'bad'],
  rejectedRequest: ['request rejected', 'bad'],
  closed: ['closed', ''],
  broadcast: ['broadcast', ''],
  limited: ['limit reached', 'warn'],
  ignoredText: ['message ignored', 'warn'],
  ignoredBinary: ['binary ignored', 'warn'],
  abandoned: ['abandoned', ''],
  terminated: ['terminated', 'warn'],
  drainRequested: ['drain requested', 'warn'],
  fault: ['fault', 'warn'],
  faultsSet: ['faults set', 'warn'],
  lost: ['events missing', 'warn'],
};

export function kindName(kind) {
  return KINDS[kind]?.[0] ?? shown(kind, 40);
}

export function toneOf({ kind, data }) {
  if (kind === 'hello' && behindBy(data) > 0) return 'warn';
  return KINDS[kind]?.[1] ?? '';
}

const codeText = (code, reason) => `${shown(code, 12)}${reason ? ` ${shown(reason)}` : ''}`;

function who({ id, namespace, clientId } = {}) {
  const name = clientId === undefined || clientId === null ? '' : ` (${shown(clientId)})`;
  return `#${shown(id, 24)} ${namespace === undefined || namespace === null ? '(no namespace)' : shown(namespace)}${name}`;
}

/** By how much a client is behind; nothing where that is unknown. */
function byText(data) {
  const by = behindBy(data);
  return by === undefined ? '' : ` by ${count(by)}`;
}

function othersText(others) {
  return others === undefined ? '' : `; and ${amount(others, 'more client')}`;
}

/** What one event says, in words. */
export function eventText({ kind, data }) {
  const { connection, code, reason, why, status, detail } = data;
  const because = why ? `: ${shown(why)}` : '';
  switch (kind) {
    case 'connected':
      return `${who(connection)} from ${shown(connection.remoteAddress ?? 'an unknown address')}, ${count(data.connections)} open`;
    case 'hello': {
      const by = behindBy(data);
      return `${who(connection)}${by > 0 ? `, behind by ${count(by)}: has ${shown(data.heard, 40)}` : ''}`;
    }
    case 'behind':
      return `${who(connection)}${byText(data)}: was not sent cursor ${shown(data.newest, 40)}, has ${shown(data.heard ?? 'none yet', 40)}${othersText(data.others)}`;
    case 'refused':
      return `${who(connection)} with ${codeText(code, reason)}${because}`;
    case 'rejectedUpgrade':
      return `with HTTP ${status}: ${shown(detail)}${because}`;
    case 'rejectedRequest':
      return `${data.method === undefined ? 'malformed request' : `${shown(data.method)} ${shown(data.path)}`} with HTTP ${status}: ${shown(detail)}`;
    case 'closed':
      return `${who(connection)} by the ${data.by === 'server' ? 'server' : 'client'} with ${codeText(code, reason)}`;
    case 'broadcast':
      return `cursor ${shown(data.cursor)} to ${shown(data.namespace)}: ${amount(data.delivered, 'client')}`;
    case 'limited':
      return shown(data.limit);
    case 'ignoredText':
      return `${who(connection)} sent ${amount(data.length, 'character')} that are not a hello: ${shown(data.text)}`;
    case 'ignoredBinary':
      return `${who(connection)} sent ${amount(data.bytes, 'byte')}`;
    case 'abandoned':
      return 'a client went away before its handshake was done';
    case 'terminated':
      return who(connection);
    case 'drainRequested':
      return 'POST /v1/drain was called: the server shuts down';
    case 'fault':
      return `${shown(data.fault)} struck ${connection === undefined ? 'a handshake, or the server' : who(connection)}`;
    case 'faultsSet':
      return data.faults.length === 0
        ? 'none: all faults are cleared'
        : data.faults.map((name) => shown(name, 40)).join(', ');
    case 'lost':
      return data.events === null
        ? 'the server restarted, or no reader was connected for a while: the events in between are unknown'
        : `${amount(data.events, 'event')} came too fast, or while this page was away`;
    default:
      // Of a server that is newer than this page.
      return shown(JSON.stringify(data));
  }
}

export function namespaceOf({ data }) {
  return data.namespace ?? data.connection?.namespace ?? undefined;
}

/** What of a burst is the same. */
function burstKey({ kind, data }) {
  if (kind === 'behind') return `behind ${data.connection.namespace}`;
  return `${kind} ${data.code ?? data.status ?? data.limit ?? data.fault ?? ''} ${data.reason ?? ''} ${data.by ?? ''}`;
}

/** Whether an event passes the filters of a person. */
export function matches(event, { namespace, client, kind }) {
  if (kind !== '' && event.kind !== kind) return false;
  if (namespace !== '' && !(namespaceOf(event) ?? '').includes(namespace)) return false;
  if (client === '') return true;
  const { connection } = event.data;
  if (connection === undefined) return false;
  return client.startsWith('#')
    ? String(connection.id) === client.slice(1)
    : (connection.clientId ?? '').includes(client) || String(connection.id) === client;
}

/** Events that were heard so far. */
let nextOrder = 0;

/** Events in bursts, in the order in which the bursts began. */
export class Bursts {
  bursts = [];
  size = 0;

  add(event) {
    if (event.order === undefined) {
      event.order = nextOrder;
      nextOrder += 1;
    }
    const key = burstKey(event);
    const forMs = event.kind === 'behind' ? BEHIND_MS : BURST_MS;
    let burst;
    for (let back = 1; back <= MIXED && burst === undefined; back++) {
      const one = this.bursts.at(-back);
      if (one?.key === key && event.data.atMs - one.events.at(-1).data.atMs < forMs) burst = one;
    }
    if (burst === undefined) this.bursts.push({ key, events: [event], isOpen: false });
    else burst.events.push(event);
    this.size += 1;
    while (this.size > MAX_EVENTS) {
      const oldest = this.bursts[0];
      // A long burst loses its beginning.
      const lost = Math.min(oldest.events.length, Math.max(1, this.size - MAX_EVENTS));
      oldest.events.splice(0, lost);
      this.size -= lost;
      if (oldest.events.length === 0) this.bursts.shift();
    }
  }

  /** The events, oldest first. */
  events() {
    return this.bursts.flatMap(({ events }) => events).sort((one, other) => one.order - other.order);
  }

  /** One row for each event, or for a whole burst, which stands where its newest event does: newest first. */
  rows() {
    const groups = [];
    for (const burst of this.bursts) {
      const { events, isOpen } = burst;
      const isBurst = events.length >= (events[0].kind === 'behind' ? MIN_BEHIND : MIN_BURST);
      const alone = (event) => ({ event, isInside: isBurst });
      if (!isBurst) {
        for (const event of events) groups.push({ order: event.order, rows: [alone(event)] });
        continue;
      }
      const inside = isOpen ? events.map(alone).reverse() : [];
      groups.push({ order: events.at(-1).order, rows: [{ burst }, ...inside] });
    }
    groups.sort((one, other) => other.order - one.order);
    return groups.flatMap(({ rows }) => rows);
  }
}

/** What a burst says, in one line. */
export function burstText({ events }) {
  const [{ kind, data: first }] = events;
  const { data: last } = events.at(-1);
  const namespaces = new Set(events.map(namespaceOf));
  const where =
    namespaces.size === 1
      ? shown([...namespaces][0] ?? '(no namespace)')
      : amount(namespaces.size, 'namespace');
  if (kind === 'broadcast') {
    const delivered = events.reduce((sum, { data }) => sum + data.delivered, 0);
    const range = namespaces.size === 1 ? `, ${shown(first.cursor, 40)} to ${shown(last.cursor, 40)},` : '';
    return `${amount(events.length, 'cursor')}${range} in ${where}: ${amount(delivered, 'delivery', 'deliveries')}`;
  }
  if (kind === 'behind') return behindText(events, where);
  if (kind === 'rejectedUpgrade' || kind === 'rejectedRequest')
    return `${count(events.length)} times with HTTP ${first.status}`;
  if (kind === 'limited' || kind === 'abandoned' || kind === 'lost')
    return `${count(events.length)} times${first.limit === undefined ? '' : ` ${shown(first.limit)}`}`;
  if (kind === 'fault') return `${shown(first.fault)} struck ${count(events.length)} times in ${where}`;
  const code = first.code === undefined ? '' : ` with ${codeText(first.code, first.reason)}`;
  const by = first.by === undefined ? '' : ` by the ${first.by === 'server' ? 'server' : 'client'}`;
  const ids = `#${shown(first.connection?.id, 24)} … #${shown(last.connection?.id, 24)}`;
  const isOneReason = Boolean(first.why) && events.every(({ data }) => data.why === first.why);
  const because = isOneReason ? `: ${shown(first.why)}` : '';
  const late = kind === 'hello' ? events.filter(({ data }) => behindBy(data) > 0) : [];
  const behind = late.length === 0 ? '' : `, ${count(late.length)} of them behind: ${namedText(late)}`;
  return `${amount(events.length, 'client')} (${ids}) in ${where}${by}${code}${because}${behind}`;
}

/** Who is behind, of events that say so again and again: each client as it was the last time. */
function behindText(events, where) {
  const last = new Map(events.map((event) => [event.data.connection.id, event]));
  if (last.size === 1) return eventText(events.at(-1));
  const others = events.reduce((most, { data }) => Math.max(most, data.others ?? 0), 0);
  return `${amount(last.size + others, 'client')} in ${where}: ${namedText([...last.values()])}`;
}

/** The first of some clients that are behind, and by how much. */
function namedText(events) {
  const named = events.slice(0, MAX_NAMED).map(({ data }) => {
    const { id, clientId } = data.connection;
    const name = clientId === undefined || clientId === null ? '' : ` (${shown(clientId, 60)})`;
    return `#${shown(id, 24)}${name}${byText(data)}`;
  });
  return `${named.join(', ')}${events.length > MAX_NAMED ? ', …' : ''}`;
}

/** The broadcasts among events as a script for `emit --file`. */
export function emitScript(events) {
  let beforeMs;
  return events
    .filter(({ kind }) => kind === 'broadcast')
    .map(({ data: { namespace, cursor, atMs } }) => {
      const delayMs = beforeMs === undefined ? 0 : Math.max(0, atMs - beforeMs);
      beforeMs = atMs;
      return `${JSON.stringify({ namespace, cursor, ...(delayMs === 0 ? {} : { delayMs }) })}\n`;
    })
    .join('');
}
