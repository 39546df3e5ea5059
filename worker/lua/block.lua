-- Let a destination claim nothing for some time; never shortens a longer block.
-- KEYS: 1 state
-- ARGV: 1 ms
local clock = redis.call('TIME')
local until_ms = clock[1] * 1000 + math.floor(clock[2] / 1000) + tonumber(ARGV[1])
if until_ms <= tonumber(redis.call('HGET', KEYS[1], 'blocked_until') or 0) then return end
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], 'blocked_until', until_ms)
