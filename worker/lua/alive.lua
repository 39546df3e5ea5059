-- Give a sign of life of one worker process, and forget those that have been silent for long.
-- KEYS: 1 workers
-- ARGV: 1 what the worker says of itself; the same each time  2 ms after which a silent one is forgotten
-- Returns: 1.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Removing first: after its first write Redis lets a script's others through even when memory is full.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[2]))
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
