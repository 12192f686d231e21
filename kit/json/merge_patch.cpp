// SPDX-License-Identifier: Apache-2.0
#include "kit/json/merge_patch.hpp"

#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "kit/json/reader.hpp"
#include "kit/json/writer.hpp"

namespace kit::json {
namespace {

struct RawMember {
  std::string name;
  std::optional<std::string> value;  ///< Nothing: taken away.
};

bool is_object(std::string_view text) {
  return Reader(text).peek() == Kind::object;
}

/// The members of an object with their values as written; none for anything else.
std::vector<RawMember> members_of(std::string_view text) {
  std::vector<RawMember> members;
  Reader in(text);
  if (in.peek() != Kind::object || !in.begin_object()) return members;
  while (const std::optional<std::string_view> key = in.next_key()) {
    std::string name(*key);
    const std::optional<std::string_view> value = in.raw_value();
    if (!value) break;
    members.push_back({std::move(name), std::string(*value)});
  }
  return members;
}

}  // namespace

std::string merge_patch(std::string_view target, std::string_view patch) {
  if (!is_object(patch)) return std::string(patch);
  std::vector<RawMember> members = members_of(target);
  std::unordered_map<std::string, std::size_t> places;
  for (std::size_t i = 0; i < members.size(); ++i) places.emplace(members[i].name, i);
  for (RawMember& change : members_of(patch)) {
    const auto place = places.find(change.name);
    if (*change.value == "null") {
      if (place != places.end()) members[place->second].value.reset();
    } else if (place != places.end()) {
      RawMember& member = members[place->second];
      member.value = merge_patch(member.value.value_or("{}"), *change.value);
    } else {
      places.emplace(change.name, members.size());
      members.push_back({std::move(change.name), merge_patch("{}", *change.value)});
    }
  }
  std::string text;
  Writer out(text);
  out.begin_object();
  for (const RawMember& member : members) {
    if (!member.value) continue;
    out.key(member.name);
    out.raw(*member.value);
  }
  out.end_object();
  return text;
}

}  // namespace kit::json
