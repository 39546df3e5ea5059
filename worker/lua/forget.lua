-- Remove dead letters for good.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 totals  7.. facet indexes
-- ARGV: 1 counter  2.. refs
-- Returns: how many there were.
local gone = 0
for number = 2, #ARGV do
  gone = gone + redis.call('ZREM', KEYS[1], ARGV[number])
  for key = 2, 4 do redis.call('HDEL', KEYS[key], ARGV[number]) end
  for key = 7, #KEYS do redis.call('ZREM', KEYS[key], ARGV[number]) end
end
for key = 7, #KEYS do
  if redis.call('EXISTS', KEYS[key]) == 0 then redis.call('SREM', KEYS[5], KEYS[key]) end
end
if gone > 0 then redis.call('HINCRBY', KEYS[6], ARGV[1], gone) end
return gone
