-- Take entries out of the index of people whose events are neither scheduled nor dead letters any more.
-- KEYS: 1 people  2 scheduled  3 dead:meta  4 state
-- ARGV: 1 most entries to look at
-- Returns: {entries taken out, 1 when the end was reached and the next call begins anew}
-- One call: an event that comes back meanwhile is written down anew by the call that places it.
local TYPES = {'zset', 'hash', 'hash', 'hash'}
for number, key in ipairs(KEYS) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= TYPES[number] then
    return redis.error_reply('WRONGTYPE ' .. key .. ' is a ' .. found)
  end
end
local last = redis.call('HGET', KEYS[4], 'people_healed_to')
local entries = redis.call('ZRANGEBYLEX', KEYS[1], last and '(' .. last or '-', '+', 'LIMIT', 0, ARGV[1])
local gone = 0
for _, entry in ipairs(entries) do
  local ref = string.match(entry, ' (.*)$')
  if redis.call('HEXISTS', KEYS[2], ref) == 0 and redis.call('HEXISTS', KEYS[3], ref) == 0 then
    redis.call('ZREM', KEYS[1], entry)
    gone = gone + 1
  end
end
if #entries < tonumber(ARGV[1]) then
  redis.call('HDEL', KEYS[4], 'people_healed_to')
  return {gone, 1}
end
redis.call('HSET', KEYS[4], 'people_healed_to', entries[#entries])
return {gone, 0}
