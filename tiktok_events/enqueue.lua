-- Adds events to an inbox as long as there is room. Answers how many, the first ones, were added.
-- KEYS[1]  the inbox, a stream
-- ARGV[1]  how many entries it may hold
-- ARGV[2]  the W3C traceparent of the producer, or ''
-- ARGV[3], ARGV[4], ...  the first event's JSON, its id, the second event's JSON, its id, ...
local function refusal(answer)
  -- Redis 6.2 puts the line of the script before the kind of error, which the caller has to see first.
  return redis.error_reply((string.gsub(answer.err, '^@user_script: %d+: %-?', '')))
end
local length = redis.pcall('XLEN', KEYS[1])
if type(length) == 'table' then
  return refusal(length)
end
local room = tonumber(ARGV[1]) - length
-- The server's clock: the age of an event must not depend on which host enqueued it. Joined as text,
-- because Lua would write a number of this size in scientific notation.
local now = redis.call('TIME')
local enqueued_at = now[1] .. string.format('%03d', math.floor(tonumber(now[2]) / 1000))
local stored = 0
for i = 3, #ARGV, 2 do
  if stored >= room then
    break
  end
  local answer
  if ARGV[2] == '' then
    answer = redis.pcall('XADD', KEYS[1], '*', 'event', ARGV[i], 'id', ARGV[i + 1], 'enqueued_at', enqueued_at)
  else
    answer = redis.pcall('XADD', KEYS[1], '*', 'event', ARGV[i], 'id', ARGV[i + 1], 'enqueued_at', enqueued_at,
      'traceparent', ARGV[2])
  end
  if type(answer) == 'table' and answer.err then
    -- A refusal must not hide that earlier ones were added: the caller sends the rest again and sees it then.
    if stored == 0 then
      return refusal(answer)
    end
    break
  end
  stored = stored + 1
end
return stored
