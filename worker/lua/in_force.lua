-- Look at shared rate limits without asking for a request.
-- KEYS: the limits of one destination
-- Returns: {the smallest share that is in force, as text; ms the longest block still lasts, or 0}
-- The share grows back by a tenth every ten seconds; permit.lua writes that down, at the next request.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local least, longest = 1, 0
for _, key in ipairs(KEYS) do
  local state = redis.call('HMGET', key, 'factor', 'raised', 'blocked_until')
  local factor = tonumber(state[1] or 1)
  if factor < 1 and state[2] then
    factor = math.min(1, factor + 0.1 * math.max(0, math.floor((now - tonumber(state[2])) / 10000)))
  end
  least = math.min(least, factor)
  longest = math.max(longest, tonumber(state[3] or 0) - now)
end
return {string.format('%.6f', least), math.ceil(longest)}
