// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/sheet_row.hpp"

#include <utility>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/utf8.hpp"

namespace kit::xlsx::detail {
namespace {

using Token = XmlReader::Token;

}  // namespace

bool SheetRow::read(XmlReader& xml, std::size_t number, std::size_t width, const Limits& limits) {
  next_column_ = 0;
  problem_.reset();
  has_values_ = false;
  texts_.clear();
  ends_.clear();
  fields_.clear();
  here_ = std::to_string(number);
  const std::size_t outside = xml.depth() - 1;
  while (true) {
    const Token token = xml.next();
    if (token == Token::failed || token == Token::eof) return false;
    if (token == Token::end && xml.depth() == outside) break;
    if (token == Token::start && xml.name() == "c") {
      if (!read_cell(xml, number, width, limits)) return false;
    } else if (token == Token::start && !xml.skip()) {
      return false;
    }
  }
  finish(width);
  return true;
}

/// Where a cell is; nothing when that is wrong, which has been told.
std::optional<Place> SheetRow::place_of(const XmlReader& xml, std::size_t number) {
  const std::optional<std::string_view> given = xml.attribute("r");
  std::optional<Place> place = Place{next_column_, number};
  if (given) place = parse_place(*given);
  if (place && place->column < max_columns)
    here_ = column_name(place->column) + std::to_string(number);
  if (!place || place->column >= max_columns) {
    refuse("a cell has no place in the sheet");
  } else if (place->row != number) {
    refuse("a cell of another row stands in this one");
  } else if (place->column < next_column_) {
    refuse("the cell comes twice, or behind one to the right of it");
  } else {
    next_column_ = place->column + 1;
    return place;
  }
  return std::nullopt;
}

bool SheetRow::read_cell(XmlReader& xml, std::size_t number, std::size_t width,
                         const Limits& limits) {
  const std::optional<Place> place = place_of(xml, number);
  Cell cell;
  cell.type = xml.attribute("t").value_or("n");
  cell.style = parse_code(xml.attribute("s").value_or("0"), 10).value_or(0);
  if (!read_content(xml, cell)) return false;
  if (place) set(place->column, cell, width, limits);
  return true;
}

bool SheetRow::read_content(XmlReader& xml, Cell& cell) {
  const std::size_t outside = xml.depth() - 1;
  bool is_value = false;
  while (true) {
    const Token token = xml.next();
    if (token == Token::failed || token == Token::eof) return false;
    if (token == Token::start && xml.name() == "v") {
      is_value = cell.has_value = true;
    } else if (token == Token::start && xml.name() == "is") {
      cell.has_value = true;
      if (!read_rich_text(xml, cell.text)) return false;
    } else if (token == Token::start) {
      cell.has_formula = cell.has_formula || xml.name() == "f";
      if (!xml.skip()) return false;
    } else if (token == Token::end) {
      is_value = false;
      if (xml.depth() == outside) return true;
    } else if (is_value) {
      cell.text.append(xml.text());
    }
  }
}

std::optional<std::string> SheetRow::number(const Cell& cell) {
  const NumberStyle style =
      cell.style < package_.styles.size() ? package_.styles[cell.style] : NumberStyle::plain;
  const std::string_view text = trim(cell.text);
  if (style == NumberStyle::plain) {
    std::optional<std::string> shown = number_text(text);
    if (!shown) refuse("holds a number that can't be read");
    return shown;
  }
  std::optional<std::string> shown = date_text(text, style, package_.is_from_1904);
  if (!shown) refuse("holds a number that is no date of the years 1900 to 9999");
  return shown;
}

std::optional<std::string> SheetRow::value(const Cell& cell) {
  if (!cell.has_value || (cell.text.empty() && cell.type != "s")) {
    if (cell.has_formula && cell.type != "str")
      refuse("holds a formula without a stored value; open the file in a spreadsheet and save it");
    return std::nullopt;
  }
  if (cell.type == "n") return number(cell);
  if (cell.type == "str" || cell.type == "inlineStr") return decode_text(cell.text);
  if (cell.type == "d") return cell.text;
  if (cell.type == "s") {
    const std::optional<std::uint32_t> index = parse_code(trim(cell.text), 10);
    if (index && *index < package_.strings.size()) {
      const std::string_view text = package_.strings.at(*index);
      if (text.empty()) return std::nullopt;
      return decode_text(text);
    }
    refuse("refers to a text that the workbook does not have");
  } else if (cell.type == "b") {
    if (cell.text == "1" || cell.text == "true") return "true";
    if (cell.text == "0" || cell.text == "false") return "false";
    refuse("holds neither true nor false");
  } else if (cell.type == "e") {
    refuse("holds the error " + cell.text);
  } else {
    refuse("holds a value of a kind that is not known");
  }
  return std::nullopt;
}

void SheetRow::set(std::size_t column, const Cell& cell, std::size_t width, const Limits& limits) {
  if (width != 0 && column >= width) {
    if (cell.has_value && !cell.text.empty()) refuse("holds a value right of the last header");
    return;
  }
  const std::optional<std::string> text = value(cell);
  if (!text) return;
  if (width == 0 && column >= limits.columns) {
    return refuse("stands right of the last column that is read, " +
                  column_name(limits.columns - 1));
  }
  if (text->find('\0') != std::string::npos) return refuse("contains a NUL");
  put(column, *text);
}

void SheetRow::put(std::size_t column, std::string_view text) {
  while (ends_.size() < column) ends_.push_back({texts_.size(), true});
  texts_.append(text);
  ends_.push_back({texts_.size(), false});
  has_values_ = true;
}

void SheetRow::finish(std::size_t width) {
  while (ends_.size() < width) ends_.push_back({texts_.size(), true});
  std::size_t begin = 0;
  for (const End& end : ends_) {
    csv::Field& field = fields_.emplace_back();
    if (!end.is_absent) field = std::string_view(texts_).substr(begin, end.at - begin);
    begin = end.at;
  }
}

}  // namespace kit::xlsx::detail
