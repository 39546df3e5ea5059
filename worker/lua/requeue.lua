-- Put one dead letter back into the replay stream, as edited if it was.
-- KEYS: 1 dead  2 dead:meta  3 dead:events  4 dead:revisions  5 dead:facets  6 replay  7 totals  8 job
--       9.. facet indexes
-- ARGV: 1 ref  2 how often it had been replayed when it was read  3 meta of the envelope
--       4 "job" when it is one of a job's, which then counts it in the same call, else ""
-- Returns: 1, or 0 when there is no such dead letter (any more).
-- Atomic: the event is in the dead letters before and in the stream after, never in both or in none.
-- One that was replayed and has died again since is in other indexes, with another history: it stays.
local meta, payload = redis.call('HGET', KEYS[2], ARGV[1]), redis.call('HGET', KEYS[3], ARGV[1])
if not meta or not payload or cjson.decode(meta).envelope.replays ~= tonumber(ARGV[2]) then return 0 end
payload = redis.call('HGET', KEYS[4], ARGV[1]) or payload
redis.call('XADD', KEYS[6], '*', 'event', payload, 'meta', ARGV[3])
redis.call('ZREM', KEYS[1], ARGV[1])
for number = 2, 4 do redis.call('HDEL', KEYS[number], ARGV[1]) end
for number = 9, #KEYS do
  redis.call('ZREM', KEYS[number], ARGV[1])
  if redis.call('EXISTS', KEYS[number]) == 0 then redis.call('SREM', KEYS[5], KEYS[number]) end
end
redis.call('HINCRBY', KEYS[7], 'replayed', 1)
if ARGV[4] == 'job' then redis.call('HINCRBY', KEYS[8], 'replayed', 1) end
return 1
