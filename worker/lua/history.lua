-- Tell the counters of some minutes of a destination.
-- KEYS: 1.. the minutes
-- Returns: for each, its names and values, one after the other; nothing for a minute that has none.
local minutes = {}
for place, key in ipairs(KEYS) do minutes[place] = redis.call('HGETALL', key) end
return minutes
