-- Remove one scheduled event for good.
-- KEYS: 1 due  2 scheduled  3 totals  4 orders:refs  5 its order, or orders:refs again where it is of none
-- ARGV: 1 ref  2 meta of the envelope as it was read
-- Returns: 1, or 0 when it is no longer scheduled, or was tried again since it was read: then somebody looks anew.
local TYPES = {'zset', 'hash', 'hash', 'hash', 'hash'}
for number, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= TYPES[number] then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end
local ref = ARGV[1]
local packed = redis.call('HGET', KEYS[2], ref)
if not packed or string.sub(packed, 1, string.find(packed, '\n', 1, true) - 1) ~= ARGV[2] then return 0 end
redis.call('HDEL', KEYS[2], ref)
redis.call('ZREM', KEYS[1], ref)
redis.call('HINCRBY', KEYS[3], 'forgotten', 1)
if KEYS[5] ~= KEYS[4] then
  redis.call('HDEL', KEYS[5], 'w:' .. ref)
  redis.call('HDEL', KEYS[4], ref)
end
return 1
