-- Remove dead letters for good.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 totals  7.. facet indexes of all of them
-- ARGV: 1 counter, then for each: ref, how often it had been replayed when it was read
-- Returns: how many there were.
-- One that was replayed and has died again since is in other indexes, and nobody has seen it: it stays.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
local TYPES = {'zset', 'hash', 'hash', 'hash', 'set', 'hash'}
for number, key in ipairs(KEYS) do
  local found, wanted = redis.call('TYPE', key).ok, TYPES[number] or 'zset'
  if found ~= 'none' and found ~= wanted then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end

local gone = {}
for number = 2, #ARGV, 2 do
  local ref = ARGV[number]
  local meta = redis.call('HGET', KEYS[2], ref)
  -- Found as text: a quote inside a value is escaped, so that only the key itself reads like this.
  if meta and string.match(meta, '"replays":(%d+)') == ARGV[number + 1] then gone[#gone + 1] = ref end
end
if #gone == 0 then return 0 end
redis.call('ZREM', KEYS[1], unpack(gone))
for key = 2, 4 do redis.call('HDEL', KEYS[key], unpack(gone)) end
for key = 7, #KEYS do
  redis.call('ZREM', KEYS[key], unpack(gone))
  if redis.call('EXISTS', KEYS[key]) == 0 then redis.call('SREM', KEYS[5], KEYS[key]) end
end
redis.call('HINCRBY', KEYS[6], ARGV[1], #gone)
return #gone
