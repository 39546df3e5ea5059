-- Make scheduled events due at once.
-- KEYS: 1 due
-- ARGV: 1 "refs", then the refs; or "all", then most events
-- Returns: how many were made due. With "all" those that are due last come first: call again until it is none.
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local refs = {}
if ARGV[1] == 'all' then
  refs = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', '(' .. now, 'LIMIT', 0, ARGV[2])
else
  for number = 2, #ARGV do refs[#refs + 1] = ARGV[number] end
end
local moved = 0
for _, ref in ipairs(refs) do
  local due = redis.call('ZSCORE', KEYS[1], ref)
  -- One that is due already keeps its turn.
  if due and tonumber(due) > now then
    redis.call('ZADD', KEYS[1], 'XX', now, ref)
    moved = moved + 1
  end
end
return moved
