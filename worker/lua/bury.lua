-- Make one scheduled event a dead letter.
-- KEYS: 1 due  2 scheduled  3 dead  4 dead:meta  5 dead:events  6 dead:facets  7 totals  8 minute
--       9 orders:refs  10 its order, or orders:refs again where it is of none  11.. facet indexes
-- ARGV: 1 ref  2 meta of the envelope as it was read  3 meta of the dead letter  4 counter  5 seconds the minute lives
-- Returns: 1, or 0 when it is no longer scheduled, or was tried again since it was read: then somebody has to look anew.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
local TYPES = {'zset', 'hash', 'zset', 'hash', 'hash', 'set', 'hash', 'hash', 'hash', 'hash'}
for number, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= (TYPES[number] or 'zset') then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end

local ref = ARGV[1]
local packed = redis.call('HGET', KEYS[2], ref)
if not packed or not redis.call('ZSCORE', KEYS[1], ref) then return 0 end
local cut = string.find(packed, '\n', 1, true)
if string.sub(packed, 1, cut - 1) ~= ARGV[2] then return 0 end

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- A removal comes first: after it Redis lets the other writes through even when memory is full.
redis.call('HDEL', KEYS[2], ref)
redis.call('ZREM', KEYS[1], ref)
redis.call('HSET', KEYS[4], ref, ARGV[3])
redis.call('HSET', KEYS[5], ref, string.sub(packed, cut + 1))
redis.call('ZADD', KEYS[3], now, ref)
for number = 11, #KEYS do
  redis.call('ZADD', KEYS[number], now, ref)
  redis.call('SADD', KEYS[6], KEYS[number])
end
for _, counter in ipairs({'dead', ARGV[4]}) do
  redis.call('HINCRBY', KEYS[7], counter, 1)
  redis.call('HINCRBY', KEYS[8], counter, 1)
end
redis.call('EXPIRE', KEYS[8], ARGV[5])
-- The next update of its order waits for it no longer: it comes by itself within seconds.
if KEYS[10] ~= KEYS[9] then
  redis.call('HDEL', KEYS[10], 'w:' .. ref)
  redis.call('HDEL', KEYS[9], ref)
end
return 1
