// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/nested.hpp"

#include "kit/json/reader.hpp"
#include "kit/rest/detail/item_problems.hpp"

namespace kit::rest {
namespace {

using detail::max_violations;

std::string place_of(const NestedList& list, std::size_t index) {
  std::string place(list.name());
  return place.append("[").append(std::to_string(index)).append("]");
}

void add(std::vector<FieldViolation>& violations, std::string field, std::string description) {
  if (violations.size() < max_violations) {
    violations.push_back({std::move(field), std::move(description)});
  }
}

void read_item(NestedList& list, std::size_t index, std::string_view text,
               std::vector<FieldViolation>& violations) {
  const Result<> read = list.read(text);
  if (read) return;
  const std::string place = place_of(list, index);
  if (read.error().violations().empty()) add(violations, place, "must be a JSON object");
  for (const FieldViolation& each : read.error().violations()) {
    add(violations, place + "." + each.field, each.description);
  }
}

void read_list(json::Reader& in, NestedList& list, std::vector<FieldViolation>& violations) {
  if (!in.begin_array()) return add(violations, std::string(list.name()), "must be an array");
  for (std::size_t index = 0; in.next_element(); ++index) {
    const std::optional<std::string_view> text = in.raw_value();
    if (!text) return;
    if (index < list.max()) {
      read_item(list, index, *text, violations);
    } else if (index == list.max()) {
      add(violations, std::string(list.name()),
          "must have at most " + std::to_string(list.max()) + " items");
    }
  }
}

}  // namespace

void detail::read_nested(std::string_view body, std::span<NestedList* const> lists,
                         std::vector<FieldViolation>& violations) {
  json::Reader in(body);
  if (!in.begin_object()) return;  // told already
  while (const std::optional<std::string_view> name = in.next_key()) {
    const auto list = std::ranges::find(lists, *name, &NestedList::name);
    if (list != lists.end()) read_list(in, **list, violations);
  }
}

Task<> detail::create_nested(std::span<NestedList* const> lists, std::string& members) {
  ItemProblems problems;
  json::Writer out(members);
  for (NestedList* const list : lists) {
    out.key(list->name());
    out.begin_array();
    for (std::size_t index = 0; index < list->size(); ++index) {
      Task<> creating = list->create(index, out);
      Result<> created = co_await as_result(std::move(creating));
      if (!created && !is_about_item(created.error())) co_await std::move(created);
      if (!created) problems.add(place_of(*list, index), std::move(created).error());
    }
    out.end_array();
  }
  if (problems.any()) co_await problems.take();
}

Task<> detail::begin_nothing(db::Transaction&) {
  co_return;
}

void add_members(std::string& body, std::string_view members) {
  KIT_ASSERT(body.size() > 2 && body.ends_with('}'), "no object with members");
  body.back() = ',';
  body.append(members).push_back('}');
}

}  // namespace kit::rest
