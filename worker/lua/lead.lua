-- Become or stay the worker that looks for work.
-- KEYS: 1 leader
-- ARGV: 1 name  2 lease, ms
-- Returns: 1 if `name` leads, else 0.
local leader = redis.call('GET', KEYS[1])
if leader and leader ~= ARGV[1] then return 0 end
-- Deleting first: after its first write Redis lets a script's others through even when memory is full.
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
