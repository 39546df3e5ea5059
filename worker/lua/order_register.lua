-- Write down that updates of orders are under way, in the order in which they were claimed.
-- KEYS: 1 intake lock  2 order of each ref  3.. the order of each update
-- ARGV: 1 token of the lock  2 seconds an order is remembered  then for each update: ref, its time in ms
-- Returns: 1, or 0 when the lock is no longer ours: then nothing is written, and somebody else claims already.
-- An update that is known keeps its place: it comes again after a retry. `w:REF` is "time place heard state"; a
-- state of "d" marks one that only waits for its turn.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
for number = 3, #KEYS do
  local order, ref, time = KEYS[number], ARGV[2 * number - 3], ARGV[2 * number - 2]
  if redis.call('HEXISTS', order, 'w:' .. ref) == 0 then
    local place = redis.call('HINCRBY', order, 'places', 1)
    redis.call('HSET', order, 'w:' .. ref, table.concat({time, place, now, 'r'}, ' '))
  end
  redis.call('HSET', KEYS[2], ref, order)
  redis.call('EXPIRE', order, ARGV[2])
end
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
