-- Put payloads that are sealed anew in the place of those they were made from.
-- KEYS: 1 a hash
-- ARGV: for each: field, value as it was read, value from now on
-- Returns: how many were put. One that is another by now, or gone, was changed by somebody else and stays so.
local put = 0
for at = 1, #ARGV, 3 do
  if redis.call('HGET', KEYS[1], ARGV[at]) == ARGV[at + 1] then
    redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 2])
    put = put + 1
  end
end
return put
