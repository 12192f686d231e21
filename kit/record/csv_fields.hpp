// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "kit/base/decimal.hpp"
#include "kit/base/error.hpp"
#include "kit/base/id.hpp"
#include "kit/base/result.hpp"
#include "kit/base/time.hpp"
#include "kit/base/uuid.hpp"
#include "kit/csv/source.hpp"
#include "kit/json/scalar.hpp"
#include "kit/json/writer.hpp"

namespace kit::record {

/// A column of a CSV file and the field it fills.
struct CsvColumn {
  std::string_view header;  ///< "SupportRepId"
  std::string_view field;   ///< "support_rep_id"
};

/// The headers alone, for `ImportTarget::columns`.
template <std::size_t N>
constexpr std::array<std::string_view, N> headers_of(const CsvColumn (&columns)[N]) {
  std::array<std::string_view, N> headers;
  for (std::size_t i = 0; i < N; ++i) headers[i] = columns[i].header;
  return headers;
}

/// Reads the fields of a CSV record from left to right into an entity and collects what is wrong.
/// A field without a value is an absent value: an optional one becomes empty, one with a default
/// keeps it (`read_or_keep`), any other is refused. Text and bytes may be empty (`""`); for all
/// else that is no value either, because some programs put every field in quotes. An array is a
/// JSON array: it is the one form that no text can break.
class CsvReader {
 public:
  CsvReader(std::span<const CsvColumn> columns, std::span<const csv::Field> fields)
      : columns_(columns), fields_(fields) {}

  void read(std::string& value);
  void read(bool& value);
  void read(std::int32_t& value);
  void read(std::int64_t& value);
  void read(double& value);
  void read(float& value);
  void read(Timestamp& value);
  void read(Date& value);
  void read(TimeOfDay& value);
  void read(std::chrono::microseconds& value);
  void read(Uuid& value);
  template <class Tag>
  void read(Id<Tag, std::int64_t>& id) {
    id = Id<Tag, std::int64_t>(read_key());
  }
  template <class Tag>
  void read(Id<Tag, Uuid>& id) {
    Uuid value;
    read(value);
    id = Id<Tag, Uuid>(value);
  }
  template <class E>
    requires std::is_enum_v<E>
  void read(E& value) {
    const std::string_view text = take();
    if (text.empty()) return require();
    if (parse(text, value)) return;
    std::string names;
    for (const std::string_view name : names_of(E{})) {
      names.append(names.empty() ? "" : ", ").append(name);
    }
    refuse("must be one of " + names);
  }
  template <class T>
  void read(std::vector<T>& values) {
    read_array(values, {});
  }
  template <class T>
  void read(std::optional<T>& value) {
    if (is_absent(std::is_same_v<T, std::string>)) {
      value.reset();
    } else {
      read(value.emplace());
    }
  }
  void read_decimal(Decimal& value, int precision, int scale);
  void read_decimal(std::vector<Decimal>& values, int precision, int scale) {
    read_array(values, {.precision = precision, .scale = scale});
  }
  template <class T>
  void read_decimal(std::optional<T>& value, int precision, int scale) {
    if (is_absent(false)) {
      value.reset();
    } else {
      read_decimal(value.emplace(), precision, scale);
    }
  }
  void read_json(std::string& value);
  void read_json(std::optional<std::string>& value) {
    if (is_absent(false)) {
      value.reset();
    } else {
      read_json(value.emplace());
    }
  }
  void read_bytes(std::string& value);
  void read_bytes(std::optional<std::string>& value) {
    if (is_absent(true)) {
      value.reset();
    } else {
      read_bytes(value.emplace());
    }
  }
  /// For the next field, when there is a value already that an absent one leaves alone.
  template <class T>
  void read_or_keep(T& value) {
    if (!is_absent(std::is_same_v<T, std::string>)) read(value);
  }
  template <class T>
  void read_decimal_or_keep(T& value, int precision, int scale) {
    if (!is_absent(false)) read_decimal(value, precision, scale);
  }

  /// Whether the fields read so far were good.
  bool ok() const { return violations_.empty(); }
  /// `violations` of the entity's fields join those of the record, under the names of their
  /// columns.
  void add(std::vector<FieldViolation> violations);
  /// Fails with `invalid_argument` and every violation.
  Result<> status();

 private:
  csv::Field take_field() { return fields_[at_++]; }
  std::string_view take() { return take_field().value_or(""); }
  /// Steps over a field that has no value.
  bool is_absent(bool may_be_empty);
  std::int64_t read_key();
  template <class T>
  void read_array(std::vector<T>& values, const json::Format& format) {
    const std::string_view text = take();
    if (text.empty()) return require();
    json::Reader in(text);
    std::string problem;
    const bool is_read = json::read_json(in, values, format, problem);
    if (!in.finish() || !is_read) refuse_array(in, std::move(problem));
  }
  void refuse_array(const json::Reader& in, std::string problem);
  void refuse(std::string description);
  void require() { refuse("is required"); }

  std::span<const CsvColumn> columns_;
  std::span<const csv::Field> fields_;
  std::size_t at_ = 0;
  std::vector<FieldViolation> violations_;
};

/// `error` of a write with the violations' fields renamed to their columns.
Error in_columns(Error error, std::span<const CsvColumn> columns);

/// Writes the fields of a CSV record, the opposite of `CsvReader`.
class CsvWriter {
 public:
  void add(const std::string& value) { put(value); }
  void add(bool value) { put(value ? "true" : "false", csv::FieldKind::boolean); }
  void add(std::int32_t value) { put(std::to_string(value), csv::FieldKind::number); }
  void add(std::int64_t value) { put(std::to_string(value), csv::FieldKind::number); }
  void add(double value);
  void add(float value);
  void add(const Decimal& value) { put(value.to_string(), csv::FieldKind::number); }
  void add(const Timestamp& value) { put(value.to_string()); }
  void add(const Date& value) { put(value.to_string(), csv::FieldKind::date); }
  void add(const TimeOfDay& value) { put(value.to_string()); }
  void add(std::chrono::microseconds value) { put(format_duration(value)); }
  void add(const Uuid& value) { put(value.to_string()); }
  template <class Tag, class Rep>
  void add(const Id<Tag, Rep>& id) {
    add(id.value());
  }
  template <class E>
    requires std::is_enum_v<E>
  void add(E value) {
    put(std::string(to_string(value)));
  }
  template <class T>
  void add(const std::vector<T>& values) {
    std::string text;
    json::Writer(text).value(values);
    put(std::move(text));
  }
  template <class T>
  void add(const std::optional<T>& value) {
    value ? add(*value) : put(std::nullopt);
  }
  void add_bytes(const std::string& bytes);
  void add_bytes(const std::optional<std::string>& bytes) {
    bytes ? add_bytes(*bytes) : put(std::nullopt);
  }

  /// Lifetime: until the next `add`.
  csv::Fields fields();

 private:
  void put(std::optional<std::string> text, csv::FieldKind kind = csv::FieldKind::text) {
    texts_.push_back(std::move(text));
    kinds_.push_back(kind);
  }

  std::vector<std::optional<std::string>> texts_;
  std::vector<csv::FieldKind> kinds_;
  std::vector<csv::Field> views_;
};

}  // namespace kit::record
