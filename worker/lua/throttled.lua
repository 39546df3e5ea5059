-- Write down that TikTok throttled a request: halve the limit, and block it for the window that was hit.
-- KEYS: 1 limit
-- ARGV: 1 ms until the next 00:00 UTC
-- Returns: ms to wait.
-- TikTok does not say which window it was. The first three in a row: the second; the next three: the minute's
-- five-minute penalty; after that the day. A row ends with the first request that is served (served.lua), or when
-- ten minutes pass, beyond the block, without one.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('HDEL', KEYS[1], '')
local state = redis.call('HMGET', KEYS[1], 'factor', 'row', 'blocked_until')
local blocked = tonumber(state[3] or 0)
if blocked > now then return blocked - now end -- one penalty for all requests that were under way together

local row = tonumber(state[2] or 0)
if now - blocked > 600000 then row = 0 end
row = row + 1
local wait = 1000
if row > 6 then wait = tonumber(ARGV[1]) elseif row > 3 then wait = 300000 end
redis.call('HSET', KEYS[1], 'row', row, 'blocked_until', now + wait, 'raised', now + wait,
  'factor', math.max(1 / 64, tonumber(state[1] or 1) / 2))
redis.call('EXPIRE', KEYS[1], 172800)
return wait
