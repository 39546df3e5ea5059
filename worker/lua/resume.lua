-- Let a paused destination go on: pause, block and breaker are lifted, the dead-letter guard is off for a while.
-- KEYS: 1 state  2 breaker
-- ARGV: 1 Unix seconds until which the guard is off
-- Returns: how many fields of a pause or a block there were.
-- Removing comes first: after its first write Redis lets a script's others through even when memory is full.
local was = redis.call('HDEL', KEYS[1], 'paused', 'detail', 'since', 'by', 'credential', 'blocked_until')
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[1], 'guard_off_until', ARGV[1])
return was
