// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kit/csv/source.hpp"
#include "kit/xlsx/detail/package.hpp"

namespace kit::xlsx::detail {

/// The cells of a row, one after another, and what is wrong with the first bad one.
class SheetRow {
 public:
  explicit SheetRow(const Package& package) : package_(package) {}

  /// Reads the row whose tag has begun, which is the `number`th. `width`: of the header, 0: this is
  /// the header or stands before it. False: the XML is malformed.
  bool read(XmlReader& xml, std::size_t number, std::size_t width, const Limits& limits);

  /// What is wrong with the row, and where: "C17".
  struct Problem {
    std::string place;
    std::string what;
  };
  const std::optional<Problem>& problem() const { return problem_; }
  /// Whether some cell has a value.
  bool has_values() const { return has_values_; }
  /// Up to the last value, or to the width of the header. Lifetime: until the next `read`.
  const std::vector<csv::Field>& fields() const { return fields_; }

 private:
  /// What stands in a cell, as it is written there.
  struct Cell {
    std::string type;
    std::size_t style = 0;
    std::string text;
    bool has_value = false;
    bool has_formula = false;
  };

  bool read_cell(XmlReader& xml, std::size_t number, std::size_t width, const Limits& limits);
  bool read_content(XmlReader& xml, Cell& cell);
  std::optional<Place> place_of(const XmlReader& xml, std::size_t number);
  void set(std::size_t column, const Cell& cell, std::size_t width, const Limits& limits);
  /// What it says; an error text when it says nothing that can be read.
  std::optional<std::string> value(const Cell& cell);
  std::optional<std::string> number(const Cell& cell);
  void refuse(std::string what) {
    if (!problem_) problem_ = Problem{here_, std::move(what)};
  }
  void put(std::size_t column, std::string_view text);
  void finish(std::size_t width);

  const Package& package_;
  std::size_t next_column_ = 0;
  std::string here_;
  std::optional<Problem> problem_;
  bool has_values_ = false;
  std::string texts_;
  struct End {
    std::size_t at = 0;
    bool is_absent = false;
  };
  std::vector<End> ends_;
  std::vector<csv::Field> fields_;
};

}  // namespace kit::xlsx::detail
