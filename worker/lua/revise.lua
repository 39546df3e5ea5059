-- Lay a mended event beside a dead letter's own.
-- KEYS: 1 dead:meta  2 dead:events  3 dead:revisions
-- ARGV: 1 ref  2 payload
-- Returns: 1, or 0 when there is no such dead letter (any more): nobody would ever delete its revision.
-- Redis undoes nothing when a script fails half-way. So a key of the wrong type is found before the first write.
for _, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= 'hash' then return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found) end
end
local meta = redis.call('HGET', KEYS[1], ARGV[1])
if not meta or redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 then return 0 end
redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
-- What was known of the event's time was the original's.
redis.call('HSET', KEYS[1], ARGV[1], (string.gsub(meta, '"event_time":%-?%d+', '"event_time":null', 1)))
return 1
