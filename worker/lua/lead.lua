-- Become or stay the one who listens for work: a worker that watches, or a deliver task that serves what it hears.
-- KEYS: 1 leader  2 calls  3 swept
-- ARGV: 1 "watch:..." | "serve:...", and a name  2 lease, ms  3 seconds between two sweeps
-- Returns: {1 if it leads, else 0, 1 if it is to have the house swept now}
-- A task takes over from a worker that watches, for it needs no message to begin. It does not while called tasks wait
-- for a slot such as the one that it would hold.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Removing first: after its first write Redis lets a script's others through even when memory is full.
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
local leader = redis.call('GET', KEYS[1])
local serves = string.sub(ARGV[1], 1, 6) == 'serve:'
if serves and redis.call('ZCARD', KEYS[2]) > 0 then return {0, 0} end
if leader and leader ~= ARGV[1] and not (serves and string.sub(leader, 1, 6) == 'watch:') then return {0, 0} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
local sweep = redis.call('SET', KEYS[3], now, 'NX', 'EX', ARGV[3])
return {1, sweep and 1 or 0}
