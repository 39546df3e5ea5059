-- Pause a destination, whole: a pause without its credential would end at the next start of a worker.
-- KEYS: 1 state
-- ARGV: field, value, ...; `paused` with its reason is one of them
-- Returns: 1, or 0 if it is paused already.
if redis.call('HEXISTS', KEYS[1], 'paused') == 1 then return 0 end
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], unpack(ARGV))
return 1
