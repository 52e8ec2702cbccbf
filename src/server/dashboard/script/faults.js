// The view of the faults that the server was asked to make, and the banner that is there while it makes any.
import { call } from './api.js';
import { byId, element, setText } from './dom.js';
import { amount, shown } from './text.js';

/** When a rule strikes: settings that every fault has. */
const WHEN = [
  { name: 'probability', expected: '1', help: 'How likely each chance is taken, from 0 to 1. Default:' },
  { name: 'next', expected: 'always', help: 'Strikes this many times and then no more. Default:' },
  { name: 'every', expected: '1', help: 'Takes every Nth chance only. Default:' },
  { name: 'forMs', expected: 'until cleared', help: 'Ends after this many milliseconds. Default:' },
];
/** Settings whose value is a text even when it looks like a number. */
const TEXTS = ['reason', 'text'];

export function faultsView(report) {
  let known = { rules: [], faults: [], presets: {} };
  let isThere = false;
  let inputs = [];

  const chosen = () => known.faults.find(({ fault }) => fault === byId('fault-name').value);
  const drawSettings = () => {
    const fault = chosen();
    setText(
      byId('fault-help'),
      fault === undefined ? '' : `${fault.help} It has one chance per ${fault.per}.`.replaceAll('`', ''),
    );
    const specs = [...(fault?.settings ?? []), ...WHEN];
    inputs = specs.map(({ name, expected, help, default: value, isRequired }) => {
      const placeholder = isRequired
        ? 'required'
        : value === undefined
          ? shown(expected, 60)
          : settingText(value);
      const title = `${help} ${expected}`;
      const input = element('input', {
        type: 'text',
        spellcheck: false,
        autocomplete: 'off',
        placeholder,
        title,
      });
      input.required = isRequired === true;
      return { name, input };
    });
    byId('fault-settings').replaceChildren(
      ...inputs.map(({ name, input }) => element('label', {}, name, ' ', input)),
    );
  };
  const drawChoices = () => {
    const stages = Map.groupBy(known.faults, ({ stage }) => stage);
    byId('fault-name').replaceChildren(
      ...[...stages].map(([label, faults]) =>
        element('optgroup', { label }, ...faults.map(({ fault }) => element('option', {}, fault))),
      ),
    );
    byId('faults-preset').replaceChildren(
      ...Object.keys(known.presets).map((name) => element('option', {}, name)),
    );
    drawSettings();
    drawPreset();
  };
  const drawPreset = () => setText(byId('preset-help'), known.presets[byId('faults-preset').value] ?? '');

  const draw = () => {
    byId('tab-faults').hidden = !isThere;
    const { rules } = known;
    const isOn = isThere && rules.length > 0 && known.isActive !== false;
    const banner = byId('faults-on');
    banner.hidden = !isOn;
    const more = rules.length > 3 ? `; and ${amount(rules.length - 3, 'more rule')}` : '';
    setText(banner, isOn ? `Faults are on: ${rules.slice(0, 3).map(ruleText).join('; ')}${more}` : '');
    const what = isOn
      ? amount(rules.length, 'rule')
      : rules.length === 0
        ? 'No fault is on'
        : 'Every rule is over';
    setText(byId('faults-note'), `${what}. A restart of the server clears them all.`);
    byId('faults-rules').replaceChildren(
      ...rules.map((rule, index) =>
        element(
          'li',
          {},
          element('code', {}, `${ruleText(rule)}${countsText(rule)}`),
          element(
            'button',
            {
              type: 'button',
              'aria-label': `Remove ${ruleText(rule)}`,
              onclick: () => put(rules.toSpliced(index, 1)),
            },
            'Remove',
          ),
        ),
      ),
    );
  };
  const take = (next) => {
    const isNew = known.faults.length === 0;
    if (JSON.stringify(next) === JSON.stringify(known)) return;
    known = { rules: [], faults: [], presets: {}, ...next };
    if (isNew) drawChoices();
    draw();
  };
  const change = async (method, body) => {
    try {
      take(await call(method, '/v1/faults', body));
      byId('problem').hidden = true;
    } catch (error) {
      report({ message: error.detail ?? error.message });
    }
  };
  const put = (rules) => (rules.length === 0 ? change('DELETE') : change('PUT', { seed: known.seed, rules }));

  byId('fault-name').addEventListener('input', drawSettings);
  byId('faults-preset').addEventListener('input', drawPreset);
  byId('faults-clear').addEventListener('click', () => put([]));
  byId('faults-preset-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const namespace = byId('preset-namespace').value.trim();
    void change('PUT', {
      preset: byId('faults-preset').value,
      ...(namespace === '' ? {} : { match: { namespace } }),
    });
  });
  byId('faults-form').addEventListener('submit', (event) => {
    event.preventDefault();
    void put([...known.rules, ruleOf(byId('fault-name').value, inputs)]);
  });
  return {
    async refresh() {
      if (isThere) take(await call('GET', '/v1/faults'));
    },
    draw,
    /** Whether the server makes faults at all. It may be another one than before. */
    setThere(next) {
      isThere = next;
      known = { rules: [], faults: [], presets: {} };
      draw();
      void this.refresh().catch(report);
    },
  };
}

const settingText = (value) => shown(typeof value === 'object' ? JSON.stringify(value) : value, 100);

/** What a rule says, in one line. */
function ruleText({ match = {}, fault, counts: _, ...settings }) {
  const parts = Object.entries(settings).map(([name, value]) => `${shown(name, 40)} ${settingText(value)}`);
  const who = [match.namespace, match.clientId]
    .filter((one) => one !== undefined)
    .map((one) => shown(one, 100));
  return `${shown(fault, 40)} for ${who.length === 0 ? 'everybody' : who.join(', ')}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

/** How often it has struck. */
function countsText({ counts }) {
  if (counts === undefined) return '';
  const struck =
    counts.used === 0 ? 'has not struck' : `struck ${counts.used} of ${amount(counts.seen, 'time')}`;
  return ` · ${struck}${counts.isOver ? ', over' : ''}`;
}

/** The rule that the form has. The server checks it. */
function ruleOf(fault, inputs) {
  const rule = { fault };
  const [namespace, clientId] = ['fault-namespace', 'fault-client'].map((id) => byId(id).value.trim());
  if (namespace !== '' || clientId !== '')
    rule.match = { ...(namespace === '' ? {} : { namespace }), ...(clientId === '' ? {} : { clientId }) };
  for (const { name, input } of inputs) {
    const text = input.value.trim();
    if (text !== '') rule[name] = settingOf(name, text);
  }
  return rule;
}

function settingOf(name, text) {
  if (!TEXTS.includes(name) && /^-?\d+(?:\.\d+)?$/.test(text)) return Number(text);
  if (!text.startsWith('{')) return text;
  try {
    return TEXTS.includes(name) ? text : JSON.parse(text);
  } catch {
    return text;
  }
}
