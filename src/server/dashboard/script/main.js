// Wires the views to the stream of events and to what is polled.
import { call, setToken } from './api.js';
import { clientsView } from './clients.js';
import { byId, setText } from './dom.js';
import { faultsView } from './faults.js';
import { liveView } from './live.js';
import { namespacesView, SeenCursors } from './namespaces.js';
import { serverView } from './server.js';
import { followEvents } from './stream.js';
import { amount, shown } from './text.js';

/** From one poll to the next, after the answer. */
const POLL_MS = 1000;
/** The list of clients is long: it is asked for less often. */
const POLLS_PER_LIST = 2;

/** Shows what went wrong, until it is dismissed or something else does. */
function report(error) {
  setText(byId('problem-text'), shown(error.message, 500));
  byId('problem').hidden = false;
}
byId('problem-close').addEventListener('click', () => {
  byId('problem').hidden = true;
});

/** The clock of the server minus that of this machine, about. */
let clockOffMs = 0;
const serverNowMs = () => Date.now() + clockOffMs;

const seen = new SeenCursors();
const live = liveView();
const clients = clientsView((namespace) => seen.newestOf(namespace), report);
const namespaces = namespacesView(seen, serverNowMs, report);
const faults = faultsView(report);
const server = serverView();
const views = { live, clients, namespaces, faults, server };
let view = 'live';
let isOpen = false;

function show(name) {
  view = Object.hasOwn(views, name) ? name : 'live';
  for (const one of Object.keys(views)) {
    const isShown = one === view;
    byId(`view-${one}`).hidden = !isShown || !byId('login').hidden;
    const tab = byId(`tab-${one}`);
    tab.setAttribute('aria-selected', String(isShown));
    tab.tabIndex = isShown ? 0 : -1;
  }
  views[view].draw();
  if (isOpen) void refreshView();
}

async function refreshView() {
  try {
    await views[view].refresh?.();
  } catch (error) {
    // The stream says so when the server is away.
    if (error.status !== 0 && error.status !== 401) report(error);
  }
}

// The pattern of tabs of the ARIA Authoring Practices: one stop of the Tab key, arrows between them.
const tabs = byId('tabs');
tabs.addEventListener('click', ({ target }) => {
  if (target.dataset.view !== undefined) location.hash = target.dataset.view;
});
tabs.addEventListener('keydown', (event) => {
  const all = [...tabs.children].filter((tab) => !tab.hidden);
  const at = all.indexOf(document.activeElement);
  const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: all.length - 1 }[event.key];
  if (to === undefined || at === -1) return;
  event.preventDefault();
  const tab = all.at(to % all.length);
  tab.focus();
  location.hash = tab.dataset.view;
});
addEventListener('hashchange', () => show(location.hash.slice(1)));
document.querySelector('.skip').addEventListener('click', (event) => {
  // The address keeps its view.
  event.preventDefault();
  byId('view').focus();
});
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => views[view].draw());

function askForToken(error) {
  isOpen = false;
  byId('login').hidden = false;
  byId('login-problem').textContent = byId('token').value === '' ? '' : error.message;
  show(view);
  byId('token').focus();
}
byId('login').addEventListener('submit', (event) => {
  event.preventDefault();
  setToken(byId('token').value);
  retry();
});

const STATES = { open: 'Live', waiting: 'Server away, trying again …', closed: 'Not authorized' };
const retry = followEvents(
  (kind, data, id) => {
    if (kind === 'server') {
      server.setAbout(data);
      faults.setThere(data.faults === true);
      show(view);
      return;
    }
    const atMs = data.atMs ?? serverNowMs();
    if (kind === 'broadcast') seen.add(data);
    // By what was known then: it may have caught up since.
    if (kind === 'hello') data.newest = seen.newestOf(data.connection.namespace);
    if (data.atMs !== undefined && data.atMs > serverNowMs()) clockOffMs = data.atMs - Date.now();
    live.add({ kind, data: { ...data, atMs }, id });
  },
  (state, error) => {
    byId('link').dataset.state = state;
    setText(byId('link'), STATES[state]);
    if (state === 'closed') askForToken(error);
    if (state !== 'open') {
      isOpen = false;
      return;
    }
    isOpen = true;
    if (!byId('login').hidden) {
      byId('login').hidden = true;
      byId('token').value = '';
      tabs.querySelector('[aria-selected=true]').focus();
    }
  },
);

let polls = 0;
async function poll() {
  const second = Math.round(Date.now() / 1000);
  if (!isOpen) {
    if (polls > 0) server.gap(second);
    return;
  }
  try {
    const stats = await call('GET', '/v1/stats');
    polls += 1;
    setText(
      byId('summary'),
      `${amount(stats.connections, 'client')} · ${amount(stats.namespaces, 'namespace')} · ${amount(stats.broadcasts, 'broadcast')}`,
    );
    namespaces.setHighest(stats.highestCursor);
    server.add(stats, second);
    if (document.hidden) return;
    if (polls % POLLS_PER_LIST === 0) {
      await faults.refresh();
      if (view !== 'faults' && view !== 'live') await refreshView();
    } else views[view].draw();
  } catch (error) {
    if (error.status !== 0 && error.status !== 401) report(error);
  }
}

async function pollForGood() {
  for (;;) {
    await poll();
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

show(location.hash.slice(1));
void pollForGood();
