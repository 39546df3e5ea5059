-- Ask the shared rate limit for one request (GCRA: a second's and a minute's allowance, on the server's clock).
-- KEYS: 1 limit
-- ARGV: 1 requests a second  2 requests a minute
-- Returns: {ms to wait, 0 = go now; how often TikTok has throttled in a row}
-- `factor` is the share of the limit in force after throttling; it grows back by a tenth every ten seconds.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('HDEL', KEYS[1], '')
local state = redis.call('HMGET', KEYS[1], 'second', 'minute', 'factor', 'raised', 'blocked_until', 'row')

local row = tonumber(state[6] or 0)
local blocked = tonumber(state[5] or 0) - now
if blocked > 0 then return {math.ceil(blocked), row} end

local factor = tonumber(state[3] or 1)
if factor < 1 then
  local steps = math.floor((now - tonumber(state[4])) / 10000)
  if steps > 0 then
    factor = math.min(1, factor + 0.1 * steps)
    redis.call('HSET', KEYS[1], 'factor', factor, 'raised', now)
  end
end

-- The rest is spread evenly. The burst comes on top of it, so 40 ms overdraw no second by more than 4 %, and make up
-- for clients that wake a little late.
local function theoretical(field, per_ms)
  local interval = 1 / (per_ms * factor)
  local arrival = math.max(tonumber(field or 0), now)
  local burst = math.max(interval, 40)
  return arrival + interval, arrival + interval - burst - now
end
local second, wait = theoretical(state[1], tonumber(ARGV[1]) / 1000)
local minute, longer = theoretical(state[2], tonumber(ARGV[2]) / 60000)
wait = math.max(wait, longer)
if wait > 0 then return {math.ceil(wait), row} end
redis.call('HSET', KEYS[1], 'second', string.format('%.3f', second), 'minute', string.format('%.3f', minute))
redis.call('EXPIRE', KEYS[1], 172800)
return {0, row}
