-- Ask whether a deliver task may claim a batch now, and renew its lease.
-- KEYS: 1 state  2 breaker  3 slices
-- ARGV: 1 token  2 lease, ms  3 most tasks at once
-- Returns: {"go" | "probe" | "full" | "paused" | "blocked" | "open", ms to wait}
-- "full": as many tasks as may be are at it, and this one, woken by a producer, has no lease of its own.
-- "probe": the breaker lets this one batch through; no other until it has reported, or its probe lease ends.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Removing first: after its first write Redis lets a script's others through even when memory is full.
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now)
if not redis.call('ZSCORE', KEYS[3], ARGV[1]) and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[3]) then
  return {'full', -1}
end
redis.call('ZADD', KEYS[3], now + tonumber(ARGV[2]), ARGV[1])

local state = redis.call('HMGET', KEYS[1], 'paused', 'blocked_until')
if state[1] then return {'paused', -1} end
local wait = tonumber(state[2] or 0) - now
if wait > 0 then return {'blocked', wait} end

local breaker = redis.call('HMGET', KEYS[2], 'open_until', 'probe_until')
if not breaker[1] then return {'go', 0} end
wait = tonumber(breaker[1]) - now
if wait > 0 then return {'open', wait} end
wait = tonumber(breaker[2] or 0) - now
if wait > 0 then return {'open', wait} end
redis.call('HSET', KEYS[2], 'probe_until', now + tonumber(ARGV[2]))
return {'probe', 0}
