import type { Rule } from '../verdict/rule.js';

/** What it usually means when a metric is lower, or higher, than a rule asks for. */
interface Meaning {
  readonly low?: string;
  readonly high?: string;
}

const SERVER_SLOW =
  'Compare the event-loop delay of the server with that of the load generator: if only that of the server is high, the server is the bottleneck; if both are, the machine is too busy for this scenario.';

/** By the beginning of `metric` or `metric[key]`; the longest that fits counts. */
const MEANINGS: Readonly<Record<string, Meaning>> = {
  accepted: {
    low: 'The server refused clients that it should have accepted, or they could not connect: a limit is lower than the scenario assumes, other clients used more connection slots than planned, slots of clients that had left were not freed, or connections failed.',
    high: 'The server accepted too many clients: a limit is higher than the scenario assumes, the server overshot it when many connected at once, or other clients used fewer connection slots than planned.',
  },
  opened: {
    low: 'Handshakes failed: see HTTP statuses, error codes and timeouts under Connections.',
    high: 'Clients opened a connection that should have been refused before its handshake.',
  },
  open: {
    low: 'Clients lost their connection before the end.',
    high: 'Clients are still connected that the server should have closed.',
  },
  disconnected: {
    low: 'Fewer clients left than the scenario says: they were disconnected before, or never connected.',
    high: 'More connections were ended by clients than the scenario says.',
  },
  'closed[1001 Heartbeat timeout': {
    low: 'Clients that do not answer pings were not closed in time: there is no heartbeat, or it is slower than the scenario assumes.',
    high: 'The server closed clients for missing a heartbeat that it should have kept: its timeout is too short, or it was too busy to see their pongs.',
  },
  'closed[1006': {
    high: 'Connections ended without a close frame: the server crashed or terminated them, or something in between did.',
  },
  'closed[4401': {
    low: 'The server accepted clients without a valid token.',
    high: 'The server refused clients with a valid token.',
  },
  'closed[4503': {
    low: 'The server refused too few clients: a limit is higher than the scenario assumes, the server overshot it when many connected at once, or other clients used fewer connection slots than planned.',
    high: 'The server refused clients that should have had a slot: a limit is lower than the scenario assumes, other clients used more connection slots than planned, or slots of clients that had left were not freed.',
  },
  closed: {
    low: 'The server closed too few connections with this code or reason. It may have used a different one: see Connections.',
    high: 'The server closed connections that it should have kept.',
  },
  rejected: {
    low: 'Handshakes succeeded that should have failed with an HTTP error.',
    high: 'Handshakes were answered with an HTTP error: the path, the token or a proxy in between, by the status.',
  },
  errors: {
    high: 'Connections failed below HTTP: nothing listens there, the server does not accept connections fast enough, or a limit of a machine is reached.',
  },
  'refused.late': {
    high: 'The server accepted clients and then refused them: it checks a limit only after a client is in, so the limit is overshot.',
  },
  timeouts: {
    high: 'The server did not answer handshakes in time: it is overloaded, or its listen backlog is full.',
  },
  protocolErrors: {
    high: 'The server sent frames, or answers to handshakes, that the WebSocket protocol (RFC 6455) does not allow: browsers and other clients end such a connection.',
  },
  'messages.other': {
    high: 'The server sent messages that are not cursors: of another type, binary, or not JSON. A DataFn client ignores them.',
  },
  'cursors.lost': {
    high: 'Cursors never reached clients that were connected: the server dropped them, sent them to too few clients, or sent them so late that bench had stopped waiting. Such a client does not learn of new data until the next cursor. If none arrives at all, the server may assign clients to other namespaces than those that bench emits to: compare --jwt-claims or --token-template with the namespaces of `npx datafn-ws who`.',
  },
  'cursors.duplicated': {
    high: 'The server sent the same cursor twice, or two of its processes each delivered it.',
  },
  'cursors.reordered': {
    high: 'Clients received an older cursor after a newer one: such a client believes that it is behind again.',
  },
  'cursors.leaked': {
    high: 'Clients received cursors of another namespace: tenants are not kept apart.',
  },
  'cursors.foreign': {
    high: 'Cursors arrived that bench did not emit: another program emits on this server, or the server makes them up.',
  },
  'cursors.behind': {
    high: 'Slow readers were still reading older cursors when the run stopped waiting: the server sends them every cursor, and keeps all of them in memory until they are read.',
  },
  'cursors.late': { high: 'Cursors arrived after the wait for them was over: the server is too slow.' },
  'cursors.received': {
    low: 'Fewer cursors arrived than should have.',
    high: 'More cursors arrived than should have: see duplicated and leaked under Cursor deliveries.',
  },
  'heartbeat.neverPinged': {
    high: 'The server never pinged clients that were connected: it cannot notice that they are gone.',
  },
  'heartbeat.overdue': {
    high: 'No ping came to clients for longer than the heartbeat interval that the scenario assumes, and half again: the server does not ping them, or its interval is longer.',
  },
  'heartbeat.falseTimeouts': {
    high: 'The server closed clients that answer every ping: its timeout is too short, or it was too busy to see their pongs.',
  },
  'heartbeat.undetected': {
    high: 'Clients that never answer a ping are still connected: dead connections would stay open forever.',
  },
  'heartbeat.interval': {
    low: 'Pings come more often than the scenario assumes.',
    high: 'Pings come later than they should: the interval is longer than the scenario assumes, or the server was busy.',
  },
  'heartbeat.timeout': {
    low: 'Clients that do not answer pings were closed sooner than the rule allows: the timeout of the server is shorter than the scenario assumes.',
    high: 'Clients that do not answer pings were closed later than the rule allows: the timeout of the server is longer than the scenario assumes, or it was too busy to close them in time.',
  },
  fanout: { high: `Cursors took too long from emit to receipt. ${SERVER_SLOW}` },
  'fanout.skew': { high: `The last receiver of a broadcast waits too long behind the first. ${SERVER_SLOW}` },
  'cursors.leftBehind': {
    high: 'Clients missed the newest cursor of their namespace for good: a server did not pass it on to the others, or did not catch up after a fault, or a client that came back was not sent it (--resume).',
  },
  converged: { high: `It took too long until every client had caught up after a fault. ${SERVER_SLOW}` },
  convergence: { high: `It took too long until every client had the newest cursor. ${SERVER_SLOW}` },
  handshake: { high: `Connecting took too long. ${SERVER_SLOW}` },
  reconnect: { high: 'Clients took too long to be connected again after they had lost their connection.' },
  'emit.failed': { high: 'The HTTP API did not accept cursors: the problems name the first reason.' },
  'emit.broadcasts': { low: 'The HTTP API accepted fewer cursors than were emitted.' },
  'emit.delivered': {
    low: 'The server handed cursors to fewer clients than it should have.',
    high: 'The server handed cursors to more clients than it should have.',
  },
  'emit.time': { high: `The HTTP API answered emits too slowly. ${SERVER_SLOW}` },
  'emit.lag': { high: 'The load generator itself was late: read its numbers with care.' },
  'api.failed': { high: 'Requests to the HTTP API were not answered with success.' },
  'api.rate': { low: `The HTTP API took fewer requests a second than it should. ${SERVER_SLOW}` },
  'api.latency': { high: `The HTTP API answered too slowly. ${SERVER_SLOW}` },
  'pull.failed': {
    high: 'The backend answered pulls with what a DataFn client does not take, or not at all: the keys say how often it was wrong, and how. Such a client keeps its old data until the next cursor.',
  },
  'pull.stale': {
    high: 'The backend was late: it sent a cursor before a pull could read the change, as with a replica that lags, or a broadcast before the commit. The client stays behind until the next cursor.',
  },
  'pull.missing': {
    high: 'The backend answered wrongly: cursors of an answer include a change whose record is not in it. The client will never ask for that change again.',
  },
  'pull.leftBehind': {
    high: 'Clients still lacked a change at the end: their pull failed or was stale, they dropped a cursor that came while they pulled and none came after it, or the backend is slower than `settle` allows.',
  },
  'pull.data': {
    high: 'It took too long until clients had the data. Compare it with pull.time: if that is nearly as long, the backend answers slowly when all pull at once; jitter or a cache helps. If not, cursors are late, or were dropped.',
  },
  'pull.time': {
    high: 'The backend answers pulls slowly: see pull.peak for how many came at once. A jitter, a cache of the newest changes or more capacity of the backend helps.',
  },
  'pull.perCursor': {
    high: 'Clients pulled more often than there were changes: cursors are sent more than once, or answers come in many pages.',
  },
  'server.connections': {
    low: 'The server counts fewer clients than are connected.',
    high: 'The server still counts clients that have left: their slots are not freed.',
  },
  'server.rss': { high: 'The server takes more memory than it should.' },
  'server.bytesPerConnection': { high: 'A connection costs more memory than it should.' },
  'server.eventLoopDelay': {
    high: 'The server was busy with one thing for too long, and everything else waited.',
  },
  'server.cpuTime': { high: 'The server spent more CPU time than it should.' },
  'server.shutdown': { high: 'The server took too long to shut down.' },
  'server.exitCode': { high: 'The server did not exit as after an orderly shutdown.' },
};

/** What it usually means when a rule does not hold; `undefined` where there is nothing more to say. */
export function meaningOf(
  { metric, key, operator, value }: Rule,
  actual: number | undefined,
): string | undefined {
  if (actual === undefined) {
    if (metric.startsWith('heartbeat.'))
      return 'No client received a ping during the run, so nothing was measured: there is no heartbeat, or its interval is longer than the run. A rule without a measurement does not hold.';
    return metric.startsWith('server.')
      ? 'Nothing was measured: the server does not report this. A rule without a measurement does not hold.'
      : 'Nothing was measured for this rule: no client connected, nothing was sent, or the run was too short. A rule without a measurement does not hold.';
  }
  const asked = key === undefined ? metric : `${metric}[${key}`;
  const [, meaning] = Object.entries(MEANINGS)
    .filter(
      ([start]) => asked === start || (asked.startsWith(start) && /[.[ ]/.test(asked.charAt(start.length))),
    )
    .reduce((best, one) => (one[0].length > best[0].length ? one : best), ['', {}] as [string, Meaning]);
  // `!=` does not hold when the two are equal: neither too low nor too high.
  if (operator === '!=') return undefined;
  return actual < value || operator === '>' ? meaning.low : meaning.high;
}
