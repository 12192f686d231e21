// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/uuid.hpp"
#include "kit/json/scalar.hpp"
#include "kit/outbox/event.hpp"

// What generated outboxes and subscribers are made of.
namespace kit::outbox {

/// One member of an event's payload and where it goes: a row of a constant table of generated code.
struct PayloadField {
  std::string_view name;
  bool is_required = false;
  bool (*read)(json::Reader& in, void* event, const json::Format& format, std::string& problem);
  json::Format format = {};
};

namespace detail {
template <class T>
struct EventMember;
template <class T, class M>
struct EventMember<M T::*> {
  using Event = T;
  using Type = M;
};
template <class T>
inline constexpr bool is_optional_member = false;
template <class T>
inline constexpr bool is_optional_member<std::optional<T>> = true;
}  // namespace detail

/// The row for a member: `payload_field<&CustomerEmailChanged::new_email>("new_email")`.
template <auto Member>
constexpr PayloadField payload_field(std::string_view name, json::Format format = {}) {
  using Pointer = detail::EventMember<decltype(Member)>;
  return {name, !detail::is_optional_member<typename Pointer::Type>,
          [](json::Reader& in, void* event, const json::Format& how, std::string& problem) {
            return json::read_json(in, static_cast<Pointer::Event*>(event)->*Member, how, problem);
          },
          format};
}

/// Reads the payload of an event of type `type` into the struct that `fields` are of. What it has
/// beyond them is left alone: a later version of the program may have written it. Fails with
/// `invalid_argument` (EVENT_PAYLOAD) for another type, and for members that are missing or wrong.
Result<> read_payload(const Event& event, std::string_view type,
                      std::span<const PayloadField> fields, void* read);

/// The id of an aggregate as the key of its events.
inline std::string key_of(const Uuid& id) {
  return id.to_string();
}
inline std::string key_of(std::int64_t id) {
  return std::to_string(id);
}
template <class Tag, class Rep>
std::string key_of(const Id<Tag, Rep>& id) {
  return key_of(id.value());
}

}  // namespace kit::outbox
