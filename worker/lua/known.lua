-- Say which digests are in the ledger.
-- KEYS: the ledger's days
-- ARGV: digests
-- Returns: the places of those that are, from 0; most often none, so that the answer is short.
local places, seen = {}, {}
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    -- A thousand at a time: Lua's stack takes a few thousand arguments.
    for first = 1, #ARGV, 1000 do
      local found = redis.call('SMISMEMBER', key, unpack(ARGV, first, math.min(first + 999, #ARGV)))
      for at, is_member in ipairs(found) do
        local place = first + at - 2
        if is_member == 1 and not seen[place] then
          seen[place] = true
          places[#places + 1] = place
        end
      end
    end
  end
end
return places
