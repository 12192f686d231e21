// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/stream_scripts.hpp"

namespace kit::redis::detail {

const Script& count_script() {
  static const Script script(R"lua(
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return tonumber(redis.call('GET', KEYS[1]))
)lua");
  return script;
}

// The oldest entry that some group still needs is what its pending ones begin with, or the last one
// it was given. Without a group the newer half stays.
const Script& publish_script() {
  static const Script script(R"lua(
local stream, most = KEYS[1], tonumber(ARGV[1])
local adds, at = {}, 2
while at <= #ARGV do
  local words, add = tonumber(ARGV[at]), {'XADD', stream, '*'}
  for i = at + 1, at + words do add[#add + 1] = ARGV[i] end
  adds[#adds + 1] = add
  at = at + words + 1
end
local function before(a, b)
  local a_time, a_count = a:match('^(%d+)-(%d+)$')
  local b_time, b_count = b:match('^(%d+)-(%d+)$')
  if a_time ~= b_time then return tonumber(a_time) < tonumber(b_time) end
  return tonumber(a_count) < tonumber(b_count)
end
local function trim()
  local needed
  for _, group in ipairs(redis.call('XINFO', 'GROUPS', stream)) do
    local fields = {}
    for i = 1, #group, 2 do fields[group[i]] = group[i + 1] end
    local first = fields['last-delivered-id']
    if fields['pending'] > 0 then first = redis.call('XPENDING', stream, fields['name'])[2] end
    if not needed or before(first, needed) then needed = first end
  end
  if needed then
    redis.call('XTRIM', stream, 'MINID', needed)
  else
    redis.call('XTRIM', stream, 'MAXLEN', math.floor(most / 2))
  end
end
local length = redis.call('XLEN', stream)
if length + #adds > most and length > 0 then
  trim()
  length = redis.call('XLEN', stream)
end
if length + #adds > most then return 0 end
for _, add in ipairs(adds) do redis.call(unpack(add)) end
return #adds
)lua");
  return script;
}

const Script& member_script() {
  static const Script script(R"lua(
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
return redis.call('ZCARD', KEYS[1])
)lua");
  return script;
}

const Script& group_script() {
  static const Script script(R"lua(
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made.err and not made.err:find('BUSYGROUP', 1, true) then return made end
return 1
)lua");
  return script;
}

// The lease says who reads the stream, and the number of the last call that did: a call that comes
// late, over another connection than those after it, does nothing.
const Script& take_script() {
  static const Script script(R"lua(
local stream, lease, group, member = KEYS[1], KEYS[2], ARGV[1], ARGV[2]
local after, count, state, gone = ARGV[5], tonumber(ARGV[6]), 'mine', 0
local owner, last = (redis.call('GET', lease) or ''):match('^(%S+) (%d+)$')
if owner and owner ~= member then return {'other', {}, {}, '', 0} end
if owner and tonumber(last) >= tonumber(ARGV[4]) then return {'late', {}, {}, '', 0} end
redis.call('SET', lease, member .. ' ' .. ARGV[4], 'PX', ARGV[3])
if not owner then
  state, after = 'new', '0-0'
  local made = redis.pcall('XGROUP', 'CREATE', stream, group, '0', 'MKSTREAM')
  if made.err and not made.err:find('BUSYGROUP', 1, true) then return made end
  local cursor = '0-0'
  repeat
    local claimed = redis.call('XAUTOCLAIM', stream, group, member, 0, cursor, 'COUNT', 1000, 'JUSTID')
    cursor = claimed[1]
    if claimed[3] then gone = gone + #claimed[3] end
  until cursor == '0-0'
  for _, other in ipairs(redis.call('XINFO', 'CONSUMERS', stream, group)) do
    if other[2] ~= member then redis.call('XGROUP', 'DELCONSUMER', stream, group, other[2]) end
  end
end
if count == 0 then return {state, {}, {}, '', gone} end
if after == '>' then
  local read = redis.call('XREADGROUP', 'GROUP', group, member, 'COUNT', count, 'STREAMS', stream, '>')
  return {state, read and read[1][2] or {}, {}, '', gone}
end
local skipped = {}
for i = 7, #ARGV do skipped[ARGV[i]] = true end
local entries, counts, seen = {}, {}, ''
for _, pending in ipairs(redis.call('XPENDING', stream, group, '(' .. after, '+', 1000, member)) do
  if #entries == count then break end
  seen = pending[1]
  if not skipped[seen] then
    local entry = redis.call('XCLAIM', stream, group, member, 0, seen)[1]
    if entry and entry[2] then
      entries[#entries + 1] = entry
      counts[#counts + 1] = pending[4] + 1
    else
      redis.call('XACK', stream, group, seen)
      gone = gone + 1
    end
  end
end
return {state, entries, counts, seen, gone}
)lua");
  return script;
}

const Script& acknowledge_script() {
  static const Script script(R"lua(
local held = redis.call('GET', KEYS[2]) or ''
if held:match('^(%S+) ') ~= ARGV[2] then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
local ack = {'XACK', KEYS[1], ARGV[1]}
for i = 4, #ARGV do ack[#ack + 1] = ARGV[i] end
redis.call(unpack(ack))
return 1
)lua");
  return script;
}

const Script& release_script() {
  static const Script script(R"lua(
local owner, last = (redis.call('GET', KEYS[1]) or ''):match('^(%S+) (%d+)$')
if owner ~= ARGV[1] or tonumber(last) >= tonumber(ARGV[2]) then return 0 end
return redis.call('DEL', KEYS[1])
)lua");
  return script;
}

}  // namespace kit::redis::detail
