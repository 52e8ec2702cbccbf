// One dialog for everything that is asked.
import { byId, element } from './dom.js';
import { shown } from './text.js';

/**
 * Asks a person.
 *
 * @param fields each `{ name, label, value, type, isLong }`.
 * @param facts names and values that are only shown.
 * @param act called with the values; what it throws is shown, and the dialog stays.
 */
export function ask({ title, text, fields = [], facts = [], ok, isDanger = false, act }) {
  const dialog = byId('dialog');
  byId('dialog-title').textContent = title;
  byId('dialog-text').textContent = text;
  byId('dialog-problem').textContent = '';
  const inputs = fields.map(({ name, label, value = '', type = 'text', isLong = false }) => {
    const input = element(isLong ? 'textarea' : 'input', {
      name,
      value,
      spellcheck: false,
      autocomplete: 'off',
    });
    if (isLong) input.readOnly = true;
    else input.type = type;
    return { name, input, label: element('label', {}, label, ' ', input) };
  });
  const list = facts.flatMap(([name, value]) => [
    element('dt', {}, shown(name, 40)),
    element('dd', {}, shown(value)),
  ]);
  byId('dialog-fields').replaceChildren(
    ...inputs.map(({ label }) => label),
    ...(list.length === 0 ? [] : [element('dl', { className: 'facts' }, ...list)]),
  );
  const button = byId('dialog-ok');
  button.textContent = ok;
  button.className = isDanger ? 'danger' : '';
  button.disabled = false;
  byId('dialog-form').onsubmit = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      await act(Object.fromEntries(inputs.map(({ name, input }) => [name, input.value])));
      dialog.close();
    } catch (error) {
      byId('dialog-problem').textContent = error.message;
    } finally {
      button.disabled = false;
    }
  };
  byId('dialog-cancel').onclick = () => dialog.close();
  // A dialog that only shows has nothing to cancel.
  byId('dialog-cancel').hidden = ok === 'Close';
  dialog.showModal();
}
