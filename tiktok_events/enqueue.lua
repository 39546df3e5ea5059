-- Adds events as long as there is room: single ones to the inbox, packs of many to the bulk stream.
-- Answers how many events, the first ones, were added.
-- KEYS[1]  the inbox, a stream
-- KEYS[2]  the bulk stream
-- KEYS[3]  how many events are in it
-- ARGV[1]  how many events both may hold
-- ARGV[2]  the W3C traceparent of the producer, or ''
-- ARGV[3], ARGV[4], ARGV[5], ...  how many events, their JSON in as many lines, their ids in as many lines; and again
local function refusal(answer)
  -- Redis 6.2 puts the line of the script before the kind of error, which the caller has to see first.
  return redis.error_reply((string.gsub(answer.err, '^@user_script: %d+: %-?', '')))
end
local singles = redis.pcall('XLEN', KEYS[1])
if type(singles) == 'table' then
  return refusal(singles)
end
local packed = redis.pcall('GET', KEYS[3])
if type(packed) == 'table' then
  return refusal(packed)
end
local room = tonumber(ARGV[1]) - singles - (tonumber(packed) or 0)
-- The server's clock: the age of an event must not depend on which host enqueued it. Joined as text,
-- because Lua would write a number of this size in scientific notation.
local now = redis.call('TIME')
local enqueued_at = now[1] .. string.format('%03d', math.floor(tonumber(now[2]) / 1000))
local traced = ARGV[2] ~= ''

local function add_one(event, id)
  if traced then
    return redis.pcall('XADD', KEYS[1], '*', 'event', event, 'id', id, 'enqueued_at', enqueued_at,
      'traceparent', ARGV[2])
  end
  return redis.pcall('XADD', KEYS[1], '*', 'event', event, 'id', id, 'enqueued_at', enqueued_at)
end

local function add_pack(n, events, ids)
  -- Counted first: where the count is refused, nothing was added yet.
  local answer = redis.pcall('INCRBY', KEYS[3], n)
  if type(answer) == 'table' then
    return answer
  end
  if traced then
    answer = redis.pcall('XADD', KEYS[2], '*', 'events', events, 'ids', ids, 'n', n, 'enqueued_at', enqueued_at,
      'traceparent', ARGV[2])
  else
    answer = redis.pcall('XADD', KEYS[2], '*', 'events', events, 'ids', ids, 'n', n, 'enqueued_at', enqueued_at)
  end
  if type(answer) == 'table' then
    redis.call('DECRBY', KEYS[3], n)
  end
  return answer
end

local stored = 0
for i = 3, #ARGV, 3 do
  local n = tonumber(ARGV[i])
  if stored + n > room then
    break
  end
  local answer
  if n == 1 then
    answer = add_one(ARGV[i + 1], ARGV[i + 2])
  else
    answer = add_pack(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
  if type(answer) == 'table' then
    -- A refusal must not hide that earlier ones were added: the caller sends the rest again and sees it then.
    if stored == 0 then
      return refusal(answer)
    end
    break
  end
  stored = stored + n
end
return stored
