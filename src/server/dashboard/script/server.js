// The view of the server as a whole.
import { call } from './api.js';
import { statsCharts } from './charts.js';
import { ask } from './dialog.js';
import { byId, element, setText } from './dom.js';
import { age, amount, bytes, count, milliseconds, shown } from './text.js';

export function serverView() {
  const charts = statsCharts();
  /** What the stream says of the server. */
  let about = { limits: {} };
  let stats;
  const isHidden = () => byId('view-server').hidden;

  const draw = () => {
    if (isHidden() || stats === undefined) return;
    charts.draw();
    const { process, limited } = stats;
    facts(byId('server-limits'), [
      ['Clients', howFull(stats.connections, about.limits.maxConnections)],
      [
        'Per namespace',
        about.limits.maxConnectionsPerNamespace === null
          ? 'no limit'
          : `at most ${count(about.limits.maxConnectionsPerNamespace ?? 0)} each`,
      ],
      ['Clients backed up', count(stats.blocked)],
      ...Object.entries(limited)
        .filter(([, times]) => times > 0)
        .map(([name, times]) => [name, `reached ${amount(times, 'time')}`]),
    ]);
    facts(byId('server-process'), [
      ['Version', shown(about.version ?? '–', 40)],
      ['Up for', age(stats.uptimeMs)],
      ['Process', String(process.pid)],
      ['CPU time', milliseconds(process.cpuMs)],
      ['Memory', bytes(process.rssBytes)],
      [
        'Event-loop delay',
        `p99 ${milliseconds(process.eventLoopDelayP99Ms)}, longest ${milliseconds(process.eventLoopDelayMaxMs)}`,
      ],
      ['Accepted', count(stats.accepted)],
      ['Refused', byCode(stats.refused)],
      ['Closed', byCode(stats.closed)],
      ['Broadcasts', `${count(stats.broadcasts)}, ${amount(stats.deliveries, 'delivery', 'deliveries')}`],
    ]);
  };

  byId('drain').addEventListener('click', () =>
    ask({
      title: 'Drain this server?',
      text: `It takes no new clients from here on, closes ${amount(stats?.connections ?? 0, 'client')} with 1001${about.drainMs > 0 ? ` over ${milliseconds(about.drainMs)}` : ''}, and ends. Only somebody with access to the machine can start it again.`,
      ok: 'Drain',
      isDanger: true,
      act: () => call('POST', '/v1/drain', {}),
    }),
  );

  return {
    draw,
    setAbout(next) {
      about = next;
      draw();
    },
    add(next, second) {
      stats = next;
      charts.add(stats, second);
      draw();
    },
    gap: (second) => charts.gap(second),
    async refresh() {
      if (isHidden()) return;
      if (about.cluster) showCluster(await call('GET', '/v1/cluster'));
      else facts(byId('server-cluster'), [['State', 'not part of a cluster']]);
    },
  };
}

function showCluster({ state, lagMs, nodes = [], ...others }) {
  facts(byId('server-cluster'), [
    ['State', shown(state ?? '–', 40)],
    ...(lagMs === undefined || lagMs === null ? [] : [['Lag', milliseconds(lagMs)]]),
    ...nodes.map((node) => [
      shown(node.id ?? node, 40),
      shown(
        Object.entries(node)
          .filter(([key, value]) => key !== 'id' && typeof value !== 'object')
          .map(([key, value]) => `${key} ${value}`)
          .join(', '),
      ),
    ]),
    ...Object.entries(others)
      .filter(([, value]) => typeof value !== 'object')
      .map(([key, value]) => [shown(key, 40), shown(value)]),
  ]);
}

function byCode(codes) {
  const parts = Object.entries(codes).map(([code, times]) => `${shown(code, 12)}: ${count(times)}`);
  return parts.length === 0 ? 'none' : parts.join(', ');
}

/** A number of at most so many, with a bar. */
function howFull(value, limit) {
  if (limit === undefined) return count(value);
  if (limit === null) return `${count(value)}, no limit`;
  const text = `${count(value)} of ${count(limit)}`;
  return { text, share: limit === 0 ? 1 : value / limit };
}

/** Names and what is known of them. Elements are kept: a reader's place on the page stays. */
function facts(holder, entries) {
  while (holder.children.length > entries.length * 2) holder.lastChild.remove();
  for (const [index, [name, value]] of entries.entries()) {
    let term = holder.children[index * 2];
    if (term === undefined) {
      term = element('dt');
      holder.append(term, element('dd', {}, element('span')));
    }
    setText(term, name);
    const description = holder.children[index * 2 + 1];
    const { text = value, share } = typeof value === 'object' ? value : {};
    setText(description.firstChild, text);
    let bar = description.children[1];
    if (share === undefined) bar?.remove();
    else {
      if (bar === undefined) {
        bar = element('progress', { max: 1 });
        description.append(' ', bar);
      }
      bar.value = Math.min(1, share);
      bar.setAttribute('aria-label', `${name}: ${Math.round(share * 100)}% of the limit`);
    }
  }
}
