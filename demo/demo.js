// A DataFn client: clone, pull and push over HTTP, hello and cursors over a WebSocket. Edits show at once.
const { remote } = document.body.dataset;
const token = new URL(location).searchParams.get('token') ?? 'demo';
const $ = (selector, within = document) => within.querySelector(selector);
const newId = () => Math.random().toString(36).slice(2) + Date.now().toString(36);
// What this tab knows: each tab is a client of its own.
const state = JSON.parse(sessionStorage.getItem('todo')) ?? { clientId: newId(), rows: {}, queue: [] };

async function post(route, body) {
  show('→', `POST ${route}`, body);
  const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}` };
  const text = JSON.stringify({ clientId: state.clientId, ...body });
  const response = await fetch(`${remote}/${route}`, { method: 'POST', headers, body: text });
  const { result, error } = await response.json();
  show('←', `${response.status} ${route}`, result ?? error);
  if (!result?.ok && !result?.applied) throw new Error((error ?? result.error).message ?? error);
  return result; // A push that fails in part has one, too.
}

async function clone() {
  const { data, cursors } = await post('clone', { tables: ['todo'] });
  for (const row of data.todo) state.rows[row.id] = row;
  state.cursor = cursors.todo;
}

async function pull() {
  const upTo = heard;
  const { records, deleted, cursors, hasMore } = await post('pull', { cursors: { todo: state.cursor } });
  if (Number(cursors.todo) < Number(state.cursor)) throw new Error('The cursor went back');
  for (const row of records.todo) state.rows[row.id] = row;
  for (const id of deleted.todo) delete state.rows[id];
  state.cursor = cursors.todo;
  if (hasMore) await pull();
  else if (heard === upTo) heard = 0;
}

async function push() {
  const sent = state.queue.slice(0, 100);
  const { applied, errors, cursor, cursorBefore } = await post('push', { mutations: sent });
  if (errors.some((one) => one.retryable)) throw new Error(errors[0].message);
  for (const mutation of sent) if (applied.includes(mutation.mutationId)) apply(state.rows, mutation);
  state.queue = state.queue.slice(sent.length);
  if (cursorBefore === state.cursor) state.cursor = cursor;
  else heard = Infinity; // Others have written in between: pull.
}

function apply(rows, { operation, id, record }) {
  if (operation === 'delete') delete rows[id];
  else rows[id] = { ...rows[id], ...record, id };
}

// The newest cursor that we heard of: one that comes during a pull is not lost.
let heard = Infinity;
let syncing = Promise.resolve();
function sync() {
  syncing = syncing.then(async () => {
    if (state.cursor === undefined) await clone();
    while (state.queue.length > 0) await push();
    if (heard > Number(state.cursor)) await pull();
  });
  syncing = syncing.catch(({ message }) => show('!', message)).then(render);
}

function connect() {
  const server = location.origin.replace(/^http/, 'ws');
  const socket = new WebSocket(`${server}${remote}/ws?token=${encodeURIComponent(token)}`);
  socket.onopen = () => {
    const hello = { type: 'hello', clientId: state.clientId, cursors: { todo: state.cursor ?? '0' } };
    socket.send(JSON.stringify(hello));
    show('→', 'hello', hello);
    heard = Infinity;
    sync();
  };
  socket.onmessage = ({ data }) => {
    const { type, cursor } = JSON.parse(data);
    show('←', type, cursor);
    if (type === 'cursor') heard = Math.max(heard, parseInt(cursor, 10));
    sync();
  };
  socket.onclose = () => setTimeout(connect, 1000 + Math.random() * 500);
}

function edit(operation, id, record) {
  const own = { clientId: state.clientId, mutationId: newId() };
  state.queue.push({ ...own, resource: 'todo', version: 1, operation, id, record });
  render();
  sync();
}

function render() {
  sessionStorage.setItem('todo', JSON.stringify(state));
  const rows = { ...state.rows };
  for (const mutation of state.queue) apply(rows, mutation);
  const todos = Object.values(rows).sort((one, other) => one.at - other.at);
  $('#todos').replaceChildren(...todos.map(itemOf));
  $('#queue').textContent = state.queue.length === 0 ? 'all saved' : `${state.queue.length} not saved yet`;
}

function itemOf({ id, title, done }) {
  const item = $('template').content.firstElementChild.cloneNode(true);
  $('span', item).textContent = title;
  Object.assign($('input', item), { checked: done, onchange: () => edit('merge', id, { done: !done }) });
  $('button', item).onclick = () => edit('delete', id);
  return item;
}

function show(sign, what, detail = '') {
  const text = `${sign} ${what} ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`;
  $('#wire').prepend(Object.assign(document.createElement('li'), { textContent: text.slice(0, 400) }));
}

$('form').onsubmit = (event) => {
  event.preventDefault();
  edit('insert', `todo:${newId()}`, { title: $('form input').value, done: false, at: Date.now() });
  event.target.reset();
};
addEventListener('online', sync);
sync();
connect();
