-- Put one dead letter back into the replay stream.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 replay  7 totals  8 job
--       9.. facet indexes
-- ARGV: 1 ref  2 meta of the envelope  3 payload, or "" for the event as it came
--       4 "job" when it is one of a job's, which then counts it in the same call, else ""
-- Returns: 1, or 0 when there is no such dead letter (any more).
-- Atomic: the event is in the dead letters before and in the stream after, never in both or in none.
local payload = redis.call('HGET', KEYS[3], ARGV[1])
if not payload then return 0 end
if ARGV[3] ~= '' then payload = ARGV[3] end
redis.call('XADD', KEYS[6], '*', 'event', payload, 'meta', ARGV[2])
redis.call('ZREM', KEYS[1], ARGV[1])
for number = 2, 4 do redis.call('HDEL', KEYS[number], ARGV[1]) end
for number = 9, #KEYS do
  redis.call('ZREM', KEYS[number], ARGV[1])
  if redis.call('EXISTS', KEYS[number]) == 0 then redis.call('SREM', KEYS[5], KEYS[number]) end
end
redis.call('HINCRBY', KEYS[7], 'replayed', 1)
if ARGV[4] == 'job' then redis.call('HINCRBY', KEYS[8], 'replayed', 1) end
return 1
