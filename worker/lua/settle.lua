-- Write down what became of a batch: all of it, or nothing.
-- KEYS: 1 inbox  2 retry  3 replay  4 bulk  5 due  6 scheduled  7 dead  8 dead:meta  9 dead:events  10 dead:facets
--       11 totals  12 minute  13 ledger of today  14 bulk:size  15 people  16.. the facet indexes and orders that ARGV numbers
-- ARGV: 1 group  2 seconds the ledger lives  3 seconds the minute lives
--       then sections, each a count followed by its records:
--       orders:  stream number, entry id, numbers of the order's key and of the refs' key, ref, token of its lease,
--                time delivered or "", "gone" | "d" (waits for its turn) | "r" (waits for another reason), seconds to remember
--       done:    stream number, counter, events in each, n, n entry ids    (settled and forgotten)
--       then, without a count: the digests of what is delivered and never to be sent again, ten bytes each, as one text
--       and sections again:
--       mixed:   stream number, entry id, events, then three sections of what is in the entry:
--                counts: counter, amount
--                later:  ref, wait ms, packed envelope
--                dead:   ref, meta, payload, n, n numbers of facet keys
--       counters: name, amount
--       people:   entry of the index of people; whose event is placed elsewhere by now is taken out by the sweep
-- Returns: how many events were still ours to settle.
-- Entries are acknowledged first: whoever acknowledges decides, so an entry that was taken back from a slow
-- worker is never placed twice.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
local TYPES = {
  'stream', 'stream', 'stream', 'stream', 'zset', 'hash', 'zset', 'hash', 'hash', 'set', 'hash', 'hash', 'set', 'string',
  'zset',
}
for number, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  local wanted = TYPES[number] or (string.find(key, '}:order', 1, true) and 'hash' or 'zset')
  if found ~= 'none' and found ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end

local group = ARGV[1]
local at = 4
local function take()
  local value = ARGV[at]
  at = at + 1
  return value
end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('XDEL', KEYS[1], '0-1')
local settled = 0
local counts = {}
local function count(name, amount) counts[name] = (counts[name] or 0) + amount end

local orders = {}
for number = 1, tonumber(take()) do
  local stream, id = tonumber(take()), take()
  local key, refs = KEYS[tonumber(take())], KEYS[tonumber(take())]
  local ref, token, delivered, state, seconds = take(), take(), take(), take(), take()
  local record = {key = key, refs = refs, ref = ref, token = token, delivered = delivered, state = state, seconds = seconds}
  -- Asked now, before it is acknowledged and deleted: then only who ends the entry says that the update is gone.
  local held = redis.pcall('XPENDING', KEYS[stream], group, id, id, 1)
  record.ours = not held.err and #held > 0 or #redis.call('XRANGE', KEYS[stream], id, id) > 0
  orders[number] = record
end

local packed = 0
local function ended(stream, events)
  settled = settled + events
  if stream == 4 then packed = packed + events end
end

for _ = 1, tonumber(take()) do
  local stream, counter, events, ids = tonumber(take()), take(), tonumber(take()), tonumber(take())
  -- A thousand at a time: Lua's stack takes a few thousand arguments.
  for first = at, at + ids - 1, 1000 do
    local last = math.min(first + 999, at + ids - 1)
    local acknowledged = redis.call('XACK', KEYS[stream], group, unpack(ARGV, first, last))
    -- Done is done: the entry goes, too, where its claim was forgotten (a group made again, a Redis that lost its
    -- last second), and then it is the deletion that counts.
    local deleted = redis.call('XDEL', KEYS[stream], unpack(ARGV, first, last))
    local amount = math.max(acknowledged, deleted) * events
    ended(stream, amount)
    count(counter, amount)
  end
  at = at + ids
end

local digests = take()
for first = 1, #digests, 10000 do
  local part = {}
  for start = first, math.min(first + 9990, #digests), 10 do part[#part + 1] = string.sub(digests, start, start + 9) end
  redis.call('SADD', KEYS[13], unpack(part))
end
if #digests > 0 then redis.call('EXPIRE', KEYS[13], ARGV[2]) end

for _ = 1, tonumber(take()) do
  local stream, id, events = tonumber(take()), take(), tonumber(take())
  local mine = redis.call('XACK', KEYS[stream], group, id) == 1
  if mine then
    redis.call('XDEL', KEYS[stream], id)
    ended(stream, events)
  end
  for _ = 1, tonumber(take()) do
    local name, amount = take(), tonumber(take())
    if mine then count(name, amount) end
  end
  for _ = 1, tonumber(take()) do
    local ref, wait, envelope = take(), take(), take()
    if mine then
      redis.call('ZADD', KEYS[5], now + wait, ref)
      redis.call('HSET', KEYS[6], ref, envelope)
    end
  end
  for _ = 1, tonumber(take()) do
    local ref, meta, payload = take(), take(), take()
    local facets = {}
    for _ = 1, tonumber(take()) do facets[#facets + 1] = KEYS[tonumber(take())] end
    if mine then
      redis.call('HSET', KEYS[8], ref, meta)
      redis.call('HSET', KEYS[9], ref, payload)
      redis.call('ZADD', KEYS[7], now, ref)
      for _, facet in ipairs(facets) do
        redis.call('ZADD', facet, now, ref)
        redis.call('SADD', KEYS[10], facet)
      end
    end
  end
end

if packed > 0 then
  -- Made right by itself whenever the stream is empty.
  if redis.call('XLEN', KEYS[4]) == 0 then redis.call('DEL', KEYS[14]) else redis.call('DECRBY', KEYS[14], packed) end
end

for _ = 1, tonumber(take()) do
  local name, amount = take(), tonumber(take())
  count(name, amount)
end
for name, amount in pairs(counts) do
  if amount ~= 0 then
    -- How long events took is told by the minute only.
    if string.sub(name, 1, 5) ~= 'took:' then redis.call('HINCRBY', KEYS[11], name, amount) end
    redis.call('HINCRBY', KEYS[12], name, amount)
  end
end
redis.call('EXPIRE', KEYS[12], ARGV[3])

for _ = 1, tonumber(take()) do redis.call('ZADD', KEYS[15], 0, take()) end

-- Let the next update of an order go, if it waits for nothing but its turn.
local function wake(order)
  local first
  local fields = redis.call('HGETALL', order)
  for at = 1, #fields, 2 do
    if fields[at] == 'lease_until' and tonumber(fields[at + 1]) > now then return end
    if string.sub(fields[at], 1, 2) == 'w:' then
      local time, place, _, state = string.match(fields[at + 1], '^(%-?%d+) (%d+) (%d+) (%a)')
      time, place = tonumber(time), tonumber(place)
      if not first or time < first.time or (time == first.time and place < first.place) then
        first = {ref = string.sub(fields[at], 3), time = time, place = place, state = state}
      end
    end
  end
  if first and first.state == 'd' and redis.call('ZSCORE', KEYS[5], first.ref) then
    redis.call('ZADD', KEYS[5], now, first.ref)
  end
end

for _, record in ipairs(orders) do
  local key, waiting = record.key, 'w:' .. record.ref
  -- What TikTok has taken is a fact, whoever holds the entry by now.
  if record.delivered ~= '' and tonumber(record.delivered) > tonumber(redis.call('HGET', key, 'delivered') or '-1') then
    redis.call('HSET', key, 'delivered', record.delivered)
  end
  if redis.call('HGET', key, 'lease') == record.token then redis.call('HDEL', key, 'lease', 'lease_until') end
  if record.ours and record.state == 'gone' then
    redis.call('HDEL', key, waiting)
    redis.call('HDEL', record.refs, record.ref)
  elseif record.ours then
    local time, place = string.match(redis.call('HGET', key, waiting) or '', '^(%-?%d+) (%d+)')
    if time then redis.call('HSET', key, waiting, table.concat({time, place, now, record.state}, ' ')) end
  end
  redis.call('EXPIRE', key, record.seconds)
  wake(key)
end
return settled
