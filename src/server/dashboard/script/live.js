// The view of events as they come.
import { ask } from './dialog.js';
import { byId, element, onceAFrame, setText } from './dom.js';
import { Bursts, burstText, emitScript, eventText, KINDS, kindName, matches, toneOf } from './events.js';
import { setButtons, virtualList } from './list.js';
import { amount, clockTime, count } from './text.js';

export function liveView() {
  const all = new Bursts();
  let filtered = all;
  /** The rows that are shown while it is paused. */
  let frozen;
  let missed = 0;
  const filter = { namespace: '', client: '', kind: '' };
  const isFiltered = () => Object.values(filter).some((value) => value !== '');

  const list = virtualList(
    byId('live-list'),
    [{ name: 'Time' }, { name: 'Event' }, { name: 'What' }, { name: 'More' }],
    ([time, kind, what, more], { event, burst, isInside }, row) => {
      const newest = event ?? burst.events.at(-1);
      const { kind: name, data } = newest;
      setText(time, clockTime(data.atMs));
      setText(kind, kindName(name));
      kind.dataset.tone = toneOf(newest);
      const text = event === undefined ? burstText(burst) : eventText(event);
      setText(what, text);
      // What does not fit.
      if (what.title !== text) what.title = text;
      row.classList.toggle('inside', isInside === true);
      setButtons(more, [burst === undefined ? detailsButton(event) : foldButton(burst)]);
    },
    () => {
      // Rows that move away under a reader's eyes cannot be read.
      if (!list.isAtTop() && frozen === undefined) pause(true);
    },
  );
  const foldButton = (burst) => {
    const verb = burst.isOpen ? 'Fold' : 'Unfold';
    return {
      text: verb,
      label: `${verb} ${amount(burst.events.length, 'event')}`,
      act: () => {
        burst.isOpen = !burst.isOpen;
        if (frozen !== undefined) frozen = filtered.rows();
        draw();
      },
    };
  };
  const note = () => {
    const shownCount = `${amount(filtered.size, 'event')}${isFiltered() ? ` of ${count(all.size)}` : ''}`;
    const text =
      frozen !== undefined
        ? `Paused: ${amount(missed, 'new event')}`
        : all.size === 0
          ? 'Nothing has happened yet.'
          : shownCount;
    setText(byId('live-note'), text);
  };
  const draw = onceAFrame(() => {
    if (byId('view-live').hidden) return;
    list.setRows(frozen ?? filtered.rows());
    note();
  });
  const pause = (isPaused) => {
    if (isPaused && frozen === undefined) frozen = filtered.rows();
    if (!isPaused) {
      frozen = undefined;
      missed = 0;
      list.toTop();
    }
    const button = byId('live-pause');
    button.setAttribute('aria-pressed', String(isPaused));
    setText(button, isPaused ? 'Resume' : 'Pause');
    draw();
  };
  const applyFilter = () => {
    filter.namespace = byId('live-namespace').value.trim();
    filter.client = byId('live-client').value.trim();
    filter.kind = byId('live-kind').value;
    filtered = all;
    if (isFiltered()) {
      filtered = new Bursts();
      for (const event of all.events()) if (matches(event, filter)) filtered.add(event);
    }
    if (frozen !== undefined) frozen = filtered.rows();
    list.toTop();
    draw();
  };
  for (const [kind, [name]] of Object.entries(KINDS))
    byId('live-kind').append(element('option', { value: kind }, name));
  for (const name of ['namespace', 'client', 'kind'])
    byId(`live-${name}`).addEventListener('input', applyFilter);
  byId('live-pause').addEventListener('click', () => pause(frozen === undefined));
  byId('live-copy').addEventListener('click', () => {
    const script = emitScript(filtered.events());
    const lines = script.split('\n').length - 1;
    ask({
      title: 'Emit script',
      text:
        lines === 0
          ? 'There is no broadcast among the events that are shown.'
          : `${amount(lines, 'broadcast')}, to be run with: npx datafn-ws emit --file script.ndjson`,
      fields: lines === 0 ? [] : [{ name: 'script', label: 'Script', value: script, isLong: true }],
      ok: lines === 0 ? 'Close' : 'Copy',
      act: async () => {
        if (lines > 0) await copied(script);
      },
    });
  });
  return {
    draw,
    add(event) {
      all.add(event);
      if (filtered !== all && matches(event, filter)) filtered.add(event);
      if (frozen !== undefined) missed += 1;
      draw();
    },
  };
}

/** Everything that is known of an event, for what does not fit into a line. */
function detailsButton(event) {
  const { kind, data } = event;
  return {
    text: 'Details',
    label: `Details of ${kindName(kind)} at ${clockTime(data.atMs)}`,
    act: () => {
      const { atMs, connection, ...others } = data;
      const known = { time: new Date(atMs).toISOString(), ...connection, ...others };
      ask({
        title: kindName(kind),
        text: eventText(event),
        facts: Object.entries(known).filter(([, value]) => value !== undefined && value !== null),
        ok: 'Close',
        act: () => {},
      });
    },
  };
}

async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Not allowed, or a page that did not come from this machine or by https.
    throw new Error('The browser does not let this page copy: select the script and copy it yourself');
  }
}
