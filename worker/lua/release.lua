-- End a deliver task's lease.
-- KEYS: 1 slices  2 inbox  3 retry  4 replay
-- ARGV: 1 token  2 group
-- Returns: 1 if unclaimed entries came in between, so that a task should follow, else 0.
redis.call('ZREM', KEYS[1], ARGV[1])
for number = 2, 4 do
  local length = redis.call('XLEN', KEYS[number])
  if length > 0 then
    local pending = redis.pcall('XPENDING', KEYS[number], ARGV[2])
    if pending.err or length > pending[1] then return 1 end
  end
end
return 0
