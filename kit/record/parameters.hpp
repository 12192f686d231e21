// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <forward_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/db/database.hpp"
#include "kit/json/writer.hpp"

namespace kit::record {

/// Fills the parameters of a statement in their order, in the form in which columns are stored:
/// decimals as the unscaled integer, timestamps, times and durations as microseconds, dates as
/// days, uuids and enums as text, arrays as JSON of what stands on the wire. Text and bytes are
/// borrowed from the values. `Parameters<N>` has
/// the room.
class ParameterWriter {
 public:
  ParameterWriter(const ParameterWriter&) = delete;
  ParameterWriter& operator=(const ParameterWriter&) = delete;

  void add(std::nullptr_t) { put(nullptr); }
  template <std::integral T>
  void add(T value) {
    put(static_cast<std::int64_t>(value));
  }
  template <std::floating_point T>
  void add(T value) {
    put(static_cast<double>(value));
  }
  void add(const std::string& text) { put(std::string_view(text)); }
  void add(std::string_view text) { put(text); }
  void add(const Timestamp& value) { add(value.since_epoch.count()); }
  void add(const Date& value) { add(value.day.time_since_epoch().count()); }
  void add(const TimeOfDay& value) { add(value.since_midnight.count()); }
  void add(std::chrono::microseconds value) { add(value.count()); }
  void add(const Uuid& value);
  template <class Tag, class Rep>
  void add(const Id<Tag, Rep>& id) {
    add(id.value());
  }
  template <class E>
    requires std::is_enum_v<E>
  void add(E value) {
    put(to_string(value));
  }
  template <class T>
  void add(const std::vector<T>& values) {
    std::string& text = texts_.emplace_front();
    json::Writer(text).value(values);
    put(std::string_view(text));
  }
  template <class T>
  void add(const std::optional<T>& value) {
    value ? add(*value) : add(nullptr);
  }
  /// A parameter of another statement.
  void add_any(const db::Parameter& value) { put(value); }
  /// The id of a new row: null, so that the database gives the next one, when there is none yet.
  template <class Tag>
  void add_new(const Id<Tag, std::int64_t>& id) {
    id.value() == 0 ? add(nullptr) : add(id.value());
  }
  void add_bytes(std::string_view bytes) { put(db::Blob{bytes}); }
  template <class T>
  void add_bytes(const std::optional<T>& bytes) {
    bytes ? add_bytes(std::string_view(*bytes)) : add(nullptr);
  }
  /// A decimal that needs more than `scale` digits after the point makes `status` fail.
  void add_decimal(const Decimal& value, int scale);
  void add_decimal(const std::vector<Decimal>& values, int scale);
  template <class T>
  void add_decimal(const std::optional<T>& value, int scale) {
    value ? add_decimal(*value, scale) : add(nullptr);
  }

  std::span<const db::Parameter> span() const { return {values_, count_}; }
  /// Fails with `out_of_range` when a value has no stored form.
  Result<> status() const;

 protected:
  ParameterWriter() = default;
  ~ParameterWriter() = default;
  void use(std::span<db::Parameter> room) {
    values_ = room.data();
    capacity_ = room.size();
  }

 private:
  void put(const db::Parameter& value) {
    KIT_ASSERT(count_ < capacity_, "more parameters than the statement has");
    values_[count_++] = value;
  }

  db::Parameter* values_ = nullptr;
  std::size_t capacity_ = 0;
  std::size_t count_ = 0;
  bool failed_ = false;
  std::forward_list<std::string> texts_;  // of uuids and arrays
};

/// Room for the `N` parameters of a statement.
template <std::size_t N>
class Parameters final : public ParameterWriter {
 public:
  Parameters() { use(storage_); }

 private:
  std::array<db::Parameter, N> storage_;
};

/// The same for a number that is known at run time.
class ParameterList final : public ParameterWriter {
 public:
  explicit ParameterList(std::size_t count) : storage_(count) { use(storage_); }

 private:
  std::vector<db::Parameter> storage_;
};

/// The ids as a JSON array, the one parameter of `id IN (SELECT value FROM json_each(?1))`.
std::string id_array(std::span<const std::int64_t> ids);
std::string id_array(std::span<const Uuid> ids);
template <class Tag, class Rep>
std::string id_array(std::span<const Id<Tag, Rep>> ids) {
  std::vector<Rep> values;
  values.reserve(ids.size());
  for (const Id<Tag, Rep>& id : ids) values.push_back(id.value());
  return id_array(std::span<const Rep>(values));
}

}  // namespace kit::record
