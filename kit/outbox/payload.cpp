// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/payload.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace kit::outbox {
namespace {

Error unreadable(const Event& event, std::string why) {
  return Error(Code::invalid_argument, "the event " + event.id + ": " + std::move(why))
      .with_reason("EVENT_PAYLOAD");
}

}  // namespace

Result<> read_payload(const Event& event, std::string_view type,
                      std::span<const PayloadField> fields, void* read) {
  if (event.type != type)
    return unreadable(event, "its type is " + event.type + ", not " + std::string(type));
  json::Reader in(event.payload);
  std::vector<bool> given(fields.size(), false);
  if (!in.begin_object())
    return unreadable(event, in.failed() ? in.error().message() : "its payload is no object");
  while (const auto name = in.next_key()) {
    const auto field = std::ranges::find(fields, *name, &PayloadField::name);
    if (field == fields.end()) {
      in.skip_value();
      continue;
    }
    std::string problem;
    if (!field->read(in, read, field->format, problem) && !in.failed())
      return unreadable(event, std::string(field->name) + " " + problem);
    given[static_cast<std::size_t>(field - fields.begin())] = true;
  }
  if (!in.finish()) return unreadable(event, in.error().message());
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (fields[i].is_required && !given[i])
      return unreadable(event, std::string(fields[i].name) + " is missing");
  }
  return {};
}

}  // namespace kit::outbox
