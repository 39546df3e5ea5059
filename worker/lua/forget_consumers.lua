-- Remove consumers that hold nothing and have been silent for long.
-- KEYS: 1 inbox  2 retry  3 replay  4 bulk
-- ARGV: 1 group  2 silence, ms
-- Returns: how many were removed.
-- Atomic: what a removed consumer holds is pending for nobody and new for nobody, that is, lost. A worker that was
-- idle for an hour may claim at this very moment.
local removed = 0
for number = 1, 4 do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', KEYS[number], ARGV[1])
  if consumers.err then consumers = {} end -- no stream, or nothing was ever claimed from it
  for _, flat in ipairs(consumers) do
    local consumer = {}
    for at = 1, #flat, 2 do consumer[flat[at]] = flat[at + 1] end
    if consumer.pending == 0 and consumer.idle > tonumber(ARGV[2]) then
      redis.call('XGROUP', 'DELCONSUMER', KEYS[number], ARGV[1], consumer.name)
      removed = removed + 1
    end
  end
end
return removed
