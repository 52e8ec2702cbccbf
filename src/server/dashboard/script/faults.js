// The view of the faults that the server was asked to make, and the banner that is there while it makes any.
import { call } from './api.js';
import { byId, element, setText } from './dom.js';
import { amount, shown } from './text.js';

export function faultsView(report) {
  let known = { rules: [] };
  let isThere = false;

  const draw = () => {
    byId('tab-faults').hidden = !isThere;
    const rules = isThere ? known.rules : [];
    const banner = byId('faults-on');
    banner.hidden = rules.length === 0;
    setText(
      banner,
      rules.length === 0
        ? ''
        : `Faults are on: ${rules.slice(0, 5).map(ruleText).join('; ')}${rules.length > 5 ? ' …' : ''}`,
    );
    setText(
      byId('faults-note'),
      rules.length === 0
        ? 'No fault is on. A restart of the server clears them all.'
        : `${amount(rules.length, 'rule')}. A restart of the server clears them all.`,
    );
    byId('faults-rules').replaceChildren(
      ...rules.map((rule, index) =>
        element(
          'li',
          {},
          element('code', {}, ruleText(rule)),
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
  const refresh = async () => {
    if (!isThere) return;
    const next = await call('GET', '/v1/faults');
    if (JSON.stringify(next) === JSON.stringify(known)) return;
    known = { ...next, rules: next.rules ?? [] };
    draw();
  };
  const put = async (rules) => {
    try {
      if (rules.length === 0) await call('DELETE', '/v1/faults');
      else
        await call('PUT', '/v1/faults', {
          ...(known.seed === undefined ? {} : { seed: known.seed }),
          rules: rules.map(settable),
        });
      await refresh();
      draw();
      return true;
    } catch (error) {
      report(error);
      return false;
    }
  };
  byId('faults-clear').addEventListener('click', () => put([]));
  byId('faults-form').addEventListener('submit', async (event) => {
    event.preventDefault();
    try {
      await put([...known.rules, readRule()]);
    } catch (error) {
      report(error);
    }
  });
  return {
    refresh,
    draw,
    /** Whether the server makes faults at all. It may be another one than before. */
    setThere(next) {
      isThere = next;
      known = { rules: [] };
      draw();
      void refresh().catch(report);
    },
  };
}

/** What a rule says, in one line. */
function ruleText({ match = {}, fault, ...settings }) {
  const parts = Object.entries(settings)
    .filter(([, value]) => typeof value !== 'object')
    .map(([name, value]) => `${shown(name, 40)} ${shown(value, 100)}`);
  const who = [match.namespace, match.clientId]
    .filter((one) => one !== undefined)
    .map((one) => shown(one, 100));
  return `${shown(fault, 40)} for ${who.length === 0 ? 'everybody' : who.join(', ')}${parts.length === 0 ? '' : ` (${parts.join(', ')})`}`;
}

/** A rule as the server takes it: without what it says about it. */
function settable({ used, ...rule }) {
  return rule;
}

function readRule() {
  const value = (id) => byId(`fault-${id}`).value.trim();
  const rule = { fault: value('name') };
  const match = {};
  if (value('namespace') !== '') match.namespace = value('namespace');
  if (value('client') !== '') match.clientId = value('client');
  if (Object.keys(match).length > 0) rule.match = match;
  const when = value('when');
  if (when !== '') {
    const number = Number(value('count'));
    if (value('count') === '' || !Number.isFinite(number))
      throw new Error(`Expected N to be a number, got ${shown(value('count'), 40) || 'nothing'}`);
    rule[when] = number;
  }
  for (const setting of value('settings').split(/\s+/)) {
    if (setting === '') continue;
    const [, name, text] = /^(\w+)=(.+)$/.exec(setting) ?? [];
    if (name === undefined)
      throw new Error(`Expected settings such as delayMs=500, got ${shown(setting, 60)}`);
    rule[name] = /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text;
  }
  return rule;
}
