-- Say which digests are in the ledger.
-- KEYS: the ledger's days
-- ARGV: 1 digests, ten bytes each, as one text
-- Returns: the places of those that are, from 0; most often none, so that the answer is short.
local digests, places, seen = {}, {}, {}
for start = 1, #ARGV[1], 10 do digests[#digests + 1] = string.sub(ARGV[1], start, start + 9) end
for _, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 1 then
    -- A thousand at a time: Lua's stack takes a few thousand arguments.
    for first = 1, #digests, 1000 do
      local found = redis.call('SMISMEMBER', key, unpack(digests, first, math.min(first + 999, #digests)))
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
