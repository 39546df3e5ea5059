-- Remove dead letters for good.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 totals  7.. facet indexes of all of them
-- ARGV: 1 counter, then for each: ref, how often it had been replayed when it was read
-- Returns: how many there were.
-- One that was replayed and has died again since is in other indexes, and nobody has seen it: it stays.
local gone = 0
for number = 2, #ARGV, 2 do
  local ref = ARGV[number]
  local meta = redis.call('HGET', KEYS[2], ref)
  if meta and cjson.decode(meta).envelope.replays == tonumber(ARGV[number + 1]) then
    gone = gone + redis.call('ZREM', KEYS[1], ref)
    for key = 2, 4 do redis.call('HDEL', KEYS[key], ref) end
    for key = 7, #KEYS do redis.call('ZREM', KEYS[key], ref) end
  end
end
for key = 7, #KEYS do
  if redis.call('EXISTS', KEYS[key]) == 0 then redis.call('SREM', KEYS[5], KEYS[key]) end
end
if gone > 0 then redis.call('HINCRBY', KEYS[6], ARGV[1], gone) end
return gone
