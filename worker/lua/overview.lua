-- Look at one destination as a whole, at one moment.
-- KEYS: 1 inbox  2 retry  3 replay  4 bulk  5 bulk:size  6 due  7 dead  8 totals  9 breaker  10 state  11 slices
--       then the dead letters' indexes by reason, then the counters of minutes, the oldest first
-- ARGV: 1 group  2 how many indexes there are  3 now, ms
--       4.. names of the counters that are wanted of each minute
-- Returns: {{length, pending, ms when the oldest entry came or -1} for each of the four streams,
--       {events in packs, events scheduled, ms when the next is due or -1, dead letters, running deliver tasks},
--       dead letters by reason, counters of each minute (those that are wanted, one minute after the other),
--       all counters of the last minute, all counters, breaker's {open_until, opened_at, why}, state}
-- Writes nothing. What is claimed or settled between two commands would be counted twice, or less than not at all.
local indexes, now = tonumber(ARGV[2]), tonumber(ARGV[3])
local answer = {}

for number = 1, 4 do
  local length = redis.call('XLEN', KEYS[number])
  local stream = {length, 0, -1}
  if length > 0 then
    -- No group yet: nothing was ever claimed.
    local pending = redis.pcall('XPENDING', KEYS[number], ARGV[1])
    if not pending.err then stream[2] = pending[1] end
    local first = redis.call('XRANGE', KEYS[number], '-', '+', 'COUNT', 1)[1]
    stream[3] = tonumber(string.match(first[1], '^%d+'))
  end
  answer[number] = stream
end

local head = redis.call('ZRANGE', KEYS[6], 0, 0, 'WITHSCORES')
answer[5] = {
  tonumber(redis.call('GET', KEYS[5]) or 0),
  redis.call('ZCARD', KEYS[6]),
  tonumber(head[2] or -1),
  redis.call('ZCARD', KEYS[7]),
  redis.call('ZCOUNT', KEYS[11], '(' .. now, '+inf'),
}

local dead = {}
for number = 1, indexes do dead[number] = redis.call('ZCARD', KEYS[11 + number]) end
answer[6] = dead

local minutes = {}
for number = 12 + indexes, #KEYS do
  local found = redis.call('HMGET', KEYS[number], unpack(ARGV, 4))
  for place = 1, #found do minutes[#minutes + 1] = tonumber(found[place] or 0) end
end
answer[7] = minutes
answer[8] = redis.call('HGETALL', KEYS[#KEYS])
answer[9] = redis.call('HGETALL', KEYS[8])
answer[10] = redis.call('HMGET', KEYS[9], 'open_until', 'opened_at', 'why')
answer[11] = redis.call('HGETALL', KEYS[10])
return answer
