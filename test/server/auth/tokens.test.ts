import { writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { DatafnWsError } from '../../../src/protocol/errors.js';
import { type TokenMap, tokensNamespaceProvider } from '../../../src/server/auth/tokens.js';
import { parseTokens, readTokensFile } from '../../../src/server/auth/tokens-file.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

const { path } = temporaryFolder('tokens');
const ALICE = 'alice-0123456789';
const BOB = 'bob-é-0123456789';

const ask = (provider: ReturnType<typeof tokensNamespaceProvider>, token: string | undefined) =>
  provider({ token, url: '/', headers: {}, remoteAddress: undefined });

describe('the provider of tokens', () => {
  test.each<[string, TokenMap]>([
    ['an object', { [ALICE]: 'user:alice', [BOB]: 'user:bob' }],
    [
      'a Map',
      new Map([
        [ALICE, 'user:alice'],
        [BOB, 'user:bob'],
      ]),
    ],
  ])('knows the tokens of %s, and no others', (_, tokens) => {
    const provider = tokensNamespaceProvider(tokens);
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual(['user:alice', 'user:bob']);
    const strangers = [
      undefined,
      '',
      'x',
      ALICE.slice(0, -1),
      `${ALICE}x`,
      ALICE.toUpperCase(),
      ` ${ALICE}`,
      BOB.normalize('NFD'),
      'constructor',
      '__proto__',
      'user:alice',
    ];
    for (const token of strangers) expect(ask(provider, token), token).toBeUndefined();
  });

  test('knows whom the client of a token stands for', () => {
    const grant = { namespace: 'org:7', actorId: 'alice', principalIds: ['team:sales'] };
    const provider = tokensNamespaceProvider({ [ALICE]: grant, [BOB]: { namespace: 'org:7' } });
    grant.principalIds.push('team:board');
    expect(ask(provider, ALICE)).toEqual({ ...grant, principalIds: ['team:sales'] });
    expect(ask(provider, BOB)).toEqual({ namespace: 'org:7' });
  });

  test('keeps none of them in clear', () => {
    const tokens = { [ALICE]: 'user:alice' };
    const looked: string[] = [];
    const get = Map.prototype.get;
    const provider = tokensNamespaceProvider(tokens);
    Map.prototype.get = function (key) {
      looked.push(String(key));
      return get.call(this, key);
    };
    try {
      expect(ask(provider, ALICE)).toBe('user:alice');
    } finally {
      Map.prototype.get = get;
    }
    expect(looked).toHaveLength(1);
    expect(looked.join()).not.toContain(ALICE.slice(0, 6));
  });

  test('takes others from one moment to the next, and keeps the old ones when the new ones are not valid', () => {
    const provider = tokensNamespaceProvider({ [ALICE]: 'user:alice' });
    provider.replace({ [BOB]: 'user:bob' });
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual([undefined, 'user:bob']);
    expect(() => provider.replace({ [ALICE]: 'user:alice', short: 'a' })).toThrow();
    expect([ask(provider, ALICE), ask(provider, BOB)]).toEqual([undefined, 'user:bob']);
    provider.replace({});
    expect(ask(provider, BOB)).toBeUndefined();
  });

  test.each<[string, unknown, string]>([
    [
      'a short token',
      { [ALICE]: 'a', 'short-secret': 'b' },
      'Expected token 2 to have at least 16 bytes, got 12',
    ],
    [
      'an empty namespace',
      { [ALICE]: '' },
      'Expected the namespace of token 1 to be a non-empty string, got an empty one',
    ],
    [
      'a namespace that is no text',
      { [ALICE]: 42 },
      'Expected the namespace of token 1 to be a string, got 42',
    ],
    [
      'an object without a namespace',
      { [ALICE]: { actorId: 'alice' } },
      'Expected the namespace of token 1 to be a string, got undefined',
    ],
    [
      'an actor that is no text',
      { [ALICE]: { namespace: 'a', actorId: 7 } },
      'Expected the actorId of token 1 to be a string, got 7',
    ],
    [
      'principals that are no list',
      { [ALICE]: { namespace: 'a', principalIds: 'team:sales' } },
      'Expected the principalIds of token 1 to be an array of principals, got "team:sales"',
    ],
    [
      'an end, which it would not keep',
      { [ALICE]: { namespace: 'a', expiresAtMs: 1 } },
      'Expected token 1 to have no keys but namespace, actorId, principalIds, got another',
    ],
    ['a token that is no text', new Map([[42, 'a']]), 'Expected token 1 to be a string'],
    ['a list', [ALICE], 'Expected the tokens to be an object or a Map of token and namespace, got an array'],
    [
      'nothing',
      undefined,
      'Expected the tokens to be an object or a Map of token and namespace, got undefined',
    ],
  ])('refuses %s, and does not say which token it is', (_, tokens, message) => {
    expect(() => tokensNamespaceProvider(tokens as TokenMap)).toThrow(
      new DatafnWsError('ERR_INVALID_OPTION', message),
    );
  });

  test('counts the bytes of a token, not its letters', () => {
    expect(ask(tokensNamespaceProvider({ éééééééé: 'a' }), 'éééééééé')).toBe('a');
  });
});

describe('a file of tokens', () => {
  const parsed = (text: string) => Object.fromEntries(parseTokens(text, 't.yaml'));

  test.each([
    [
      'YAML',
      `# people\n${ALICE}: user:alice\n"bob: #0123456789": user:bob # her brother\n`,
      { [ALICE]: 'user:alice', 'bob: #0123456789': 'user:bob' },
    ],
    ['JSON', `{"${ALICE}":"user:alice","${BOB}":"a"}`, { [ALICE]: 'user:alice', [BOB]: 'a' }],
    [
      'YAML with tokens that look like numbers',
      '01234567890123456789: 007\n0x0123456789abcdef: a',
      { '01234567890123456789': '007', '0x0123456789abcdef': 'a' },
    ],
    [
      'YAML with principals',
      `${ALICE}:\n  namespace: org:7\n  actorId: 007\n  principalIds:\n    - team:sales\n    - 1e3\n${BOB}: { namespace: org:7 }\n`,
      {
        [ALICE]: { namespace: 'org:7', actorId: '007', principalIds: ['team:sales', '1e3'] },
        [BOB]: { namespace: 'org:7' },
      },
    ],
    [
      'JSON with principals',
      `{"${ALICE}": { "namespace": "org:7", "principalIds": [] }, "${BOB}": "org:7"}`,
      { [ALICE]: { namespace: 'org:7', principalIds: [] }, [BOB]: 'org:7' },
    ],
    ['nobody', '{}', {}],
  ])('may be %s', (_, text, tokens) => {
    expect(parsed(text)).toEqual(tokens);
  });

  test.each<[string, string, string]>([
    ['is empty', '', 't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice'],
    [
      'has only a comment',
      '# nobody yet\n',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'is a list',
      '- sesame-sesame-sesame',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'is a text',
      'sesame-sesame-sesame',
      't.yaml:1:1: expected tokens, such as "a-long-random-token": user:alice',
    ],
    [
      'has a short token',
      `${ALICE}: a\nsesame: b`,
      't.yaml:2:1: expected a token of at least 16 bytes, got 6',
    ],
    ['has a token that is no text', '[sesame, sesame]: a', 't.yaml:1:1: expected a token of text'],
    [
      'has an empty namespace',
      `${ALICE}: ""`,
      't.yaml:1:19: expected the namespace to be a non-empty string, got an empty one',
    ],
    [
      'has no namespace',
      `\n${ALICE}:\n`,
      't.yaml:2:18: expected a namespace, or an object with namespace, actorId, principalIds',
    ],
    [
      'has a list for a namespace',
      `${ALICE}: [sesame]`,
      't.yaml:1:19: expected a namespace, or an object with namespace, actorId, principalIds',
    ],
    [
      'has an unknown key',
      `${ALICE}: { namespace: a, sesame: b }`,
      't.yaml:1:35: expected no keys but namespace, actorId, principalIds, got another',
    ],
    [
      'has principals without a namespace',
      `${ALICE}: { principalIds: [team:sales] }`,
      't.yaml:1:19: expected a key "namespace"',
    ],
    [
      'has an object with an empty namespace',
      `${ALICE}: { namespace: "" }`,
      't.yaml:1:32: expected the namespace to be a non-empty string, got an empty one',
    ],
    [
      'has an actor that is no text',
      `${ALICE}:\n  namespace: a\n  actorId: [sesame]`,
      't.yaml:3:12: expected the actorId to be a single value',
    ],
    [
      'has one principal outside of a list',
      `${ALICE}:\n  namespace: a\n  principalIds: sesame`,
      't.yaml:3:17: expected the principalIds to be a list, such as [team:sales]',
    ],
    [
      'has an empty principal',
      `${ALICE}:\n  namespace: a\n  principalIds:\n    - team:sales\n    - ""`,
      't.yaml:5:7: expected each of the principalIds to be a non-empty string, got an empty one',
    ],
    [
      'has a principal that is no text',
      `${ALICE}:\n  namespace: a\n  principalIds:\n    - team:sales\n    - [sesame]`,
      't.yaml:5:7: expected each of the principalIds to be a single value',
    ],
    [
      'has more principals than a client may have',
      `${ALICE}: { namespace: a, principalIds: [${'sesame, '.repeat(1001)}] }`,
      't.yaml:1:49: expected at most 1,000 principals, got 1001',
    ],
    [
      'has a namespace with a control character',
      `${ALICE}: "a\\nb"`,
      't.yaml:1:19: expected the namespace to be free of control characters, got one',
    ],
    ['has a token twice', `${ALICE}: a\n${ALICE}: b`, 't.yaml:2:1: duplicate key'],
    [
      'has a token twice, spelled in two ways',
      '1234567890123456: a\n"1234567890123456": b',
      't.yaml:2:1: duplicate token',
    ],
    ['has an alias', '*sesame-sesame-sesame : a', 't.yaml:1:1: expected a token of text'],
    [
      'has a tag',
      '!sesame sesame-sesame-sesame: a',
      't.yaml:1:1: invalid YAML; quote values with special characters',
    ],
    ['is broken JSON', `{"sesame-sesame-sesame": "a"`, 't.yaml:1:29: Flow map must end with a }'],
    ['is cut short', 'sesame-sesame-sesame: "a', 't.yaml:1:25: Missing closing "quote'],
  ])('that %s is refused with line and column, and without what is in it', (_, text, message) => {
    let thrown = '';
    try {
      parseTokens(text, 't.yaml');
    } catch (error) {
      thrown = (error as Error).message;
    }
    expect(thrown.split('\n')[0]).toBe(message);
    expect(thrown).not.toContain('sesame');
  });

  test('says all that is wrong at once', () => {
    expect(() => parseTokens(`a: a\n${ALICE}: ""\nb: b`, 't')).toThrow(/^t:1:1: .*\nt:2:19: .*\nt:3:1: .*$/);
  });

  test('that is not UTF-8 is refused', async () => {
    const latin1 = path('latin1.yaml');
    writeFileSync(latin1, 'sésame-0123456789: a', 'latin1');
    await expect(readTokensFile(latin1)).rejects.toThrow(
      'Expected the tokens file to be UTF-8, got invalid bytes',
    );
  });

  test('that is not there is refused with its name', async () => {
    await expect(readTokensFile('no/such/tokens.yaml')).rejects.toThrow(
      /^Cannot read the tokens file: ENOENT.*no\/such\/tokens\.yaml/,
    );
  });
});
