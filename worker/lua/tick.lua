-- Say how many more deliver tasks a destination should have, and reserve a lease for each.
-- KEYS: 1 inbox  2 retry  3 replay  4 bulk  5 slices  6 state  7 breaker  8 bulk:size
-- ARGV: 1 group  2 batch size  3 most tasks at once  4 lease, ms  5 silence before taking back, ms
--       6.. tokens to reserve, as many as may be asked for
-- Returns: {reserved, backlog, ms to wait when blocked or 0, events held or leases in force,
--           {newest entry of the inbox, of the bulk stream, of the replay stream; "" in an empty one}}
-- A lease whose wake-up was lost ends by itself, and the next tick reserves another.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local group = ARGV[1]

local backlog, busy, newest = 0, redis.call('ZCARD', KEYS[5]), {'', '', '', ''}
for number = 1, 4 do
  local length = redis.call('XLEN', KEYS[number])
  if length > 0 then
    local waiting = length
    newest[number] = redis.call('XREVRANGE', KEYS[number], '+', '-', 'COUNT', 1)[1][1]
    local pending = redis.pcall('XPENDING', KEYS[number], group)
    if not pending.err then -- else there is no group yet: everything waits
      -- Entries deleted by another hand stay pending until their silence is noticed: they hide no new ones for ever.
      waiting = math.max(0, length - pending[1])
      busy = busy + pending[1]
      if pending[1] > 0 then
        local silent = redis.call('XPENDING', KEYS[number], group, 'IDLE', ARGV[5], '-', '+', 100)
        waiting = waiting + #silent
      end
    end
    if number == 4 and waiting > 0 then
      waiting = math.ceil(waiting * math.max(1, tonumber(redis.call('GET', KEYS[8]) or 0) / length))
    end
    backlog = backlog + waiting
  end
end

newest = {newest[1], newest[4], newest[3]}
local state = redis.call('HMGET', KEYS[6], 'paused', 'blocked_until')
if state[1] then return {0, backlog, -1, busy, newest} end
local blocked = math.max(tonumber(state[2] or 0), tonumber(redis.call('HGET', KEYS[7], 'open_until') or 0)) - now
if blocked > 0 then return {0, backlog, blocked, busy, newest} end
if backlog <= 0 then return {0, 0, 0, busy, newest} end

redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', now)
local wanted = math.min(tonumber(ARGV[3]), math.ceil(backlog / tonumber(ARGV[2])))
local missing = math.min(wanted - redis.call('ZCARD', KEYS[5]), #ARGV - 5)
for number = 1, missing do
  redis.call('ZADD', KEYS[5], now + tonumber(ARGV[4]), ARGV[5 + number])
end
return {math.max(0, missing), backlog, 0, busy, newest}
