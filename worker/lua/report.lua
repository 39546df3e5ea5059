-- Tell the breaker how requests ended.
-- KEYS: 1 breaker
-- ARGV: 1 "ok" | "failed"  2 failure rate  3 least requests  4 window, ms  5 least open, ms  6 most open, ms
--       7 how many requests  8 what the answer was, for whoever asks why it is open
-- Returns: {"closed" | "opened" | "open" | "recovered", ms it stays open}
-- The window is two halves that take turns: cheap, and at most half a window out of date.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local half = math.max(1, math.floor(now / (tonumber(ARGV[4]) / 2)))
local failed = ARGV[1] == 'failed'
local was = redis.call('HMGET', KEYS[1], 'open_until', 'opened_times', 'half', 'ok', 'failed', 'ok_before', 'failed_before')
-- Removing nothing: after its first write Redis lets a script's others through even when memory is full.
redis.call('HDEL', KEYS[1], '')

local function open(times)
  local wait = math.min(tonumber(ARGV[6]), tonumber(ARGV[5]) * 2 ^ math.min(times, 20))
  redis.call('HSET', KEYS[1], 'open_until', now + wait, 'opened_times', times + 1, 'probe_until', 0, 'why', ARGV[8])
  redis.call('HSETNX', KEYS[1], 'opened_at', now)
  -- No failing endpoint may outlive the memory of it.
  redis.call('EXPIRE', KEYS[1], 3600 + math.ceil(wait / 1000))
  return wait
end

if was[1] then
  -- Sent before it opened: a late success says no more of now than a late failure.
  if tonumber(was[1]) > now then return {'open', tonumber(was[1]) - now} end
  if failed then
    return {'open', open(tonumber(was[2] or 0))}
  end
  redis.call('DEL', KEYS[1])
  return {'recovered', 0}
end

local ok, bad, ok_before, bad_before = tonumber(was[4] or 0), tonumber(was[5] or 0), tonumber(was[6] or 0), tonumber(was[7] or 0)
local last = tonumber(was[3] or 0)
if last ~= half then
  if last == half - 1 then ok_before, bad_before = ok, bad else ok_before, bad_before = 0, 0 end
  ok, bad = 0, 0
end
if failed then bad = bad + ARGV[7] else ok = ok + ARGV[7] end
redis.call('HSET', KEYS[1], 'half', half, 'ok', ok, 'failed', bad, 'ok_before', ok_before, 'failed_before', bad_before)
redis.call('EXPIRE', KEYS[1], 3600)
local failures, all = bad + bad_before, ok + bad + ok_before + bad_before
if failed and all >= tonumber(ARGV[3]) and failures / all >= tonumber(ARGV[2]) then
  return {'opened', open(0)}
end
return {'closed', 0}
