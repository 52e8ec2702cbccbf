// The direction of imports: `npm run lint` checks it. Each folder of src may import itself and the folders listed here.
const LAYERS = {
  text: [],
  protocol: ['text'],
  manager: ['protocol', 'text'],
  backplane: ['manager', 'protocol', 'text'],
  options: ['backplane', 'manager', 'protocol', 'text'],
  server: ['backplane', 'options', 'manager', 'protocol', 'text'],
  workers: ['server', 'backplane', 'options', 'manager', 'protocol', 'text'],
  emit: ['options', 'protocol', 'text'],
  listen: ['emit', 'options', 'protocol', 'text'],
  bench: ['emit', 'options', 'protocol', 'text'],
  verify: ['bench', 'emit', 'options', 'protocol', 'text'],
  cli: [
    'verify',
    'bench',
    'listen',
    'emit',
    'workers',
    'server',
    'options',
    'backplane',
    'manager',
    'protocol',
    'text',
  ],
};
const FOLDERS = Object.keys(LAYERS);
const folders = (names) => `^src/(${names.join('|')})/`;
const forbid = (name, from, to, more = {}) => ({ name, severity: 'error', from, to, ...more });

module.exports = {
  forbidden: [
    ...Object.entries(LAYERS).map(([folder, others]) =>
      forbid(
        `${folder}-imports-only-${others.join('-') || 'itself'}`,
        { path: folders([folder]) },
        { path: '^src/', pathNot: folders([folder, ...others]) },
      ),
    ),
    forbid(
      'the-public-exports-have-no-cli-listen-bench-verify',
      { path: '^src/index\\.' },
      { path: folders(['cli', 'listen', 'bench', 'verify']) },
    ),
    forbid('a-new-folder-needs-a-layer', { path: '^src/.+/', pathNot: folders(FOLDERS) }, {}),
    forbid('no-import-of-the-own-package', { path: '^src/' }, { path: '^datafn-ws(/|$)' }),
    forbid('no-import-from-outside-src', { path: '^src/' }, { path: '^\\.', couldNotResolve: true }),
    forbid('no-cycle-between-files', {}, { circular: true }),
    forbid('no-cycle-between-folders', {}, { circular: true }, { scope: 'folder' }),
  ],
  options: { doNotFollow: { path: 'node_modules' } },
};
