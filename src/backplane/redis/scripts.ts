import { createHash } from 'node:crypto';

/** A Lua script, and the name by which the engine has it after the first call. */
export interface Script {
  readonly text: string;
  readonly sha: string;
}

function script(text: string): Script {
  return { text, sha: createHash('sha1').update(text).digest('hex') };
}

/**
 * Separators of records and fields. Neither a namespace nor a cursor has a control character in it, so nothing has to be
 * escaped, and a message is put together and taken apart at little cost.
 */
export const RECORD = '\x1e';
export const FIELD = '\x1f';

// Texts are compared by their bytes: `<` of Lua goes by the locale of the engine, and nodes have none of that.
const AFTER = `
local function textAfter(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x > y end
  end
  return #a > #b
end
`;

/**
 * Compares, stores and publishes a batch of cursors. A stored cursor is "epoch:number:seconds:cursor"; the seconds say
 * when it changed last, so that of a few at random the one that has not changed for longest is evicted when the hash is
 * full.
 *
 * KEYS: cursors, sequence, node. ARGV: channel, node, session, mode, most namespaces, and for each cursor its namespace,
 * kind, epoch, number ('' for none), text and the principals that it concerns ('' for all). Returns the epochs, or with \`monotonic\` {'stale', index, newest}.
 */
export const UPDATE = script(`${AFTER}
local mode = ARGV[4]
local function read(value)
  if not value then return end
  local epoch, number, cursor = value:match('^(%d+):([^:]+):%d+:(.*)$')
  epoch, number = tonumber(epoch), tonumber(number)
  if epoch and number then return epoch, number, cursor end
end
if mode == 'monotonic' then
  for i = 6, #ARGV, 6 do
    local epoch, number, cursor = read(redis.call('HGET', KEYS[1], ARGV[i]))
    local mine, asked = tonumber(ARGV[i + 3]), tonumber(ARGV[i + 2])
    if ARGV[i + 1] == 'adopt' then asked = epoch end
    if epoch and mine and ARGV[i + 1] ~= 'reset' and (asked < epoch or (asked == epoch and mine < number)) then
      return {'stale', (i - 6) / 6, cursor}
    end
  end
end
local late = mode == 'late' or redis.call('HGET', KEYS[3], '') ~= ARGV[3]
local seconds = redis.call('TIME')[1]
local most = tonumber(ARGV[5])
local epochs, out = {}, {}
for i = 6, #ARGV, 6 do
  local name, kind, epoch, cursor = ARGV[i], ARGV[i + 1], tonumber(ARGV[i + 2]), ARGV[i + 4]
  local number = tonumber(ARGV[i + 3])
  local knownEpoch, knownNumber, known = read(redis.call('HGET', KEYS[1], name))
  if knownEpoch then
    if kind == 'adopt' then epoch = knownEpoch end
    if kind == 'reset' and knownEpoch >= epoch then
      epoch = knownEpoch
      if known ~= cursor then epoch = knownEpoch + 1 end
    end
  end
  local newer = number and (not knownEpoch or epoch > knownEpoch or (epoch == knownEpoch
    and (number > knownNumber or (number == knownNumber and textAfter(cursor, known)))))
  local epochText = string.format('%.0f', epoch)
  if newer then
    if not knownEpoch and redis.call('HLEN', KEYS[1]) >= most then
      local some = redis.call('HRANDFIELD', KEYS[1], 5, 'WITHVALUES')
      local oldest, since
      for j = 1, #some, 2 do
        local changed = tonumber(some[j + 1]:match('^%d+:[^:]+:(%d+):')) or 0
        if not since or changed < since then oldest, since = some[j], changed end
      end
      redis.call('HDEL', KEYS[1], oldest)
    end
    redis.call('HSET', KEYS[1], name, epochText .. ':' .. ARGV[i + 3] .. ':' .. seconds .. ':' .. cursor)
  end
  if newer or not late then
    local principals = ''
    if not late and ARGV[i + 5] ~= '' then principals = '${FIELD}' .. ARGV[i + 5] end
    out[#out + 1] = name .. '${FIELD}' .. epochText .. '${FIELD}' .. cursor .. principals
  end
  epochs[#epochs + 1] = epochText
end
if #out > 0 then
  local head = {'cursors', ARGV[2], string.format('%.0f', redis.call('INCR', KEYS[2])), late and 'late' or 'live'}
  redis.call('PUBLISH', ARGV[1], table.concat(head, '${RECORD}') .. '${RECORD}' .. table.concat(out, '${RECORD}'))
end
return epochs
`);

/**
 * One beat: it writes before it publishes, since a PUBLISH alone succeeds on an engine that takes no writes.
 *
 * KEYS: cursors, sequence, node, nodes. ARGV: channel, node, session, lease in milliseconds, rest of the message. Returns
 * whether the counts of the node were there, and any cursors.
 */
export const BEAT = script(`
local had = redis.call('EXISTS', KEYS[3])
redis.call('SADD', KEYS[4], ARGV[2])
redis.call('HSET', KEYS[3], '', ARGV[3])
redis.call('PEXPIRE', KEYS[3], ARGV[4])
local head = {'beat', ARGV[2], string.format('%.0f', redis.call('INCR', KEYS[2]))}
redis.call('PUBLISH', ARGV[1], table.concat(head, '${RECORD}') .. '${RECORD}' .. ARGV[5])
return {had, redis.call('EXISTS', KEYS[1])}
`);

/**
 * Grants clients of a namespace, up to the limit of the cluster. The counts of a node are an own hash that expires with
 * the lease of the node; the namespace '' in it, which no client can have, is the session.
 *
 * KEYS: node, nodes. ARGV: node, beginning of the keys of nodes, namespace, count, limit ('inf' for none). Returns how
 * many are granted.
 */
export const RESERVE = script(`
local others = 0
for _, id in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if id ~= ARGV[1] then
    local values = redis.call('HMGET', ARGV[2] .. id, '', ARGV[3])
    if not values[1] then redis.call('SREM', KEYS[2], id) end
    others = others + (tonumber(values[2]) or 0)
  end
end
local count, limit = tonumber(ARGV[4]), tonumber(ARGV[5]) or math.huge
local had = tonumber(redis.call('HGET', KEYS[1], ARGV[3])) or 0
local granted = math.max(math.min(count, limit - others), math.min(count, had))
if granted > 0 then redis.call('HSET', KEYS[1], ARGV[3], granted)
else redis.call('HDEL', KEYS[1], ARGV[3]) end
return granted
`);

/**
 * States counts as they are.
 *
 * KEYS: node. ARGV: lease in milliseconds, and for each namespace its name and count.
 */
export const RESTATE = script(`
for i = 2, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', KEYS[1], ARGV[i])
  else redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 1
`);

/** Tells the other nodes something. KEYS: sequence. ARGV: channel, node, kind, rest of the message. */
export const TELL = script(`
local head = {ARGV[3], ARGV[2], string.format('%.0f', redis.call('INCR', KEYS[1]))}
redis.call('PUBLISH', ARGV[1], table.concat(head, '${RECORD}') .. '${RECORD}' .. ARGV[4])
return 1
`);

/** Gives back what a node has. KEYS: sequence, node, nodes. ARGV: channel, node. */
export const LEAVE = script(`
redis.call('DEL', KEYS[2])
redis.call('SREM', KEYS[3], ARGV[2])
local head = {'leave', ARGV[2], string.format('%.0f', redis.call('INCR', KEYS[1]))}
redis.call('PUBLISH', ARGV[1], table.concat(head, '${RECORD}'))
return 1
`);
