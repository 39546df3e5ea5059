-- Write down what became of a batch: all of it, or nothing.
-- KEYS: 1 inbox  2 retry  3 replay  4 due  5 scheduled  6 dead  7 dead:meta  8 dead:events  9 dead:facets
--       10 totals  11 minute  12 ledger of today  13.. the facet indexes and orders that ARGV numbers
-- ARGV: 1 group  2 seconds the ledger lives  3 seconds the minute lives
--       then sections, each a count followed by its records:
--       orders:  stream number, entry id, numbers of the order's key and of the refs' key, ref, token of its lease,
--                time delivered or "", "gone" | "d" (waits for its turn) | "r" (waits for another reason), seconds to remember
--       done:    stream number, entry id, counter             (settled and forgotten)
--       ledger:  digest                                        (delivered; never to be sent again)
--       later:   stream number, entry id, ref, wait ms, packed envelope, counter
--       dead:    stream number, entry id, ref, meta, payload, counter, n, n numbers of facet keys
--       counters: name, amount
-- Returns: how many entries were still ours to settle.
-- Entries are acknowledged first: whoever acknowledges decides, so an entry that was taken back from a slow
-- worker is never placed twice.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
local TYPES = {'stream', 'stream', 'stream', 'zset', 'hash', 'zset', 'hash', 'hash', 'set', 'hash', 'hash', 'set'}
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

local function ours(stream, id)
  if redis.call('XACK', KEYS[stream], group, id) == 0 then return false end
  redis.call('XDEL', KEYS[stream], id)
  settled = settled + 1
  return true
end

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

local done = tonumber(take())
local batches = {}
for _ = 1, done do
  local stream, id, counter = tonumber(take()), take(), take()
  local name = stream .. counter
  local batch = batches[name]
  if not batch then
    batch = {stream = stream, counter = counter, ids = {}}
    batches[name] = batch
  end
  batch.ids[#batch.ids + 1] = id
end
for _, batch in pairs(batches) do
  -- A thousand at a time: Lua's stack takes a few thousand arguments.
  for first = 1, #batch.ids, 1000 do
    local last = math.min(first + 999, #batch.ids)
    local acknowledged = redis.call('XACK', KEYS[batch.stream], group, unpack(batch.ids, first, last))
    -- Done is done: the entry goes, too, where its claim was forgotten (a group made again, a Redis that lost its
    -- last second), and then it is the deletion that counts.
    local deleted = redis.call('XDEL', KEYS[batch.stream], unpack(batch.ids, first, last))
    local ended = math.max(acknowledged, deleted)
    settled = settled + ended
    count(batch.counter, ended)
  end
end

local digests = tonumber(take())
if digests > 0 then
  for first = at, at + digests - 1, 1000 do
    redis.call('SADD', KEYS[12], unpack(ARGV, first, math.min(first + 999, at + digests - 1)))
  end
  redis.call('EXPIRE', KEYS[12], ARGV[2])
  at = at + digests
end

for _ = 1, tonumber(take()) do
  local stream, id, ref, wait, packed, counter = tonumber(take()), take(), take(), take(), take(), take()
  if ours(stream, id) then
    redis.call('ZADD', KEYS[4], now + wait, ref)
    redis.call('HSET', KEYS[5], ref, packed)
    count(counter, 1)
  end
end

for _ = 1, tonumber(take()) do
  local stream, id, ref, meta, payload, counter = tonumber(take()), take(), take(), take(), take(), take()
  local facets = {}
  for _ = 1, tonumber(take()) do facets[#facets + 1] = KEYS[tonumber(take())] end
  if ours(stream, id) then
    redis.call('HSET', KEYS[7], ref, meta)
    redis.call('HSET', KEYS[8], ref, payload)
    redis.call('ZADD', KEYS[6], now, ref)
    for _, facet in ipairs(facets) do
      redis.call('ZADD', facet, now, ref)
      redis.call('SADD', KEYS[9], facet)
    end
    count(counter, 1)
    count('dead', 1)
  end
end

for _ = 1, tonumber(take()) do
  local name, amount = take(), tonumber(take())
  count(name, amount)
end
for name, amount in pairs(counts) do
  if amount ~= 0 then
    -- How long events took is told by the minute only.
    if string.sub(name, 1, 5) ~= 'took:' then redis.call('HINCRBY', KEYS[10], name, amount) end
    redis.call('HINCRBY', KEYS[11], name, amount)
  end
end
redis.call('EXPIRE', KEYS[11], ARGV[3])

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
  if first and first.state == 'd' and redis.call('ZSCORE', KEYS[4], first.ref) then
    redis.call('ZADD', KEYS[4], now, first.ref)
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
