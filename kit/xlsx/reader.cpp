// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/reader.hpp"

#include <optional>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/package.hpp"
#include "kit/xlsx/detail/problem.hpp"
#include "kit/xlsx/detail/sheet_row.hpp"
#include "kit/xlsx/detail/utf8.hpp"

namespace kit::xlsx {
namespace {

using Token = detail::XmlReader::Token;

/// So much of rows without values is stepped over at once.
constexpr std::size_t pause_bytes = 256 * 1024;

}  // namespace

struct Reader::State {
  State(std::unique_ptr<detail::Package> opened, Limits limits_of_reading)
      : package(std::move(opened)), limits(limits_of_reading), row(*package) {}

  std::unique_ptr<detail::Package> package;
  Limits limits;
  std::unique_ptr<detail::XmlPart> part;
  detail::SheetRow row;
  std::size_t width = 0;     ///< Of the header; 0 before it.
  std::size_t last_row = 0;  ///< The number of the last row.
  bool is_in_rows = false;
  bool ended = false;

  Error end_with(std::string place, std::string what) {
    ended = true;
    return bad(std::move(place), std::move(what));
  }
  Error end_with_xml_error() {
    // What can't be read is not about the row.
    ended = true;
    const Error& error = part->xml().error();
    if (error.code() != Code::invalid_argument) return error.clone();
    return bad("row " + std::to_string(last_row + 1), error.message());
  }
  static Error bad(const std::string& place, std::string what) {
    return Error(Code::invalid_argument, place + ": " + what)
        .with_violation(place, place + ": " + what);
  }

  /// To the tag of the next row; false behind the last one.
  Result<bool> find_row();
  Result<std::size_t> row_number();
};

/// Rows may leave their number out: then they follow the one before.
Result<std::size_t> Reader::State::row_number() {
  const std::optional<std::string_view> given = part->xml().attribute("r");
  if (!given) {
    if (last_row == max_rows) return end_with("the sheet", "has too many rows");
    return last_row + 1;
  }
  const std::optional<std::uint32_t> number = detail::parse_code(*given, 10);
  if (!number || *number == 0 || *number > max_rows)
    return end_with("the sheet", "has a row with a number that no row has");
  if (*number <= last_row) {
    return end_with("row " + std::to_string(*number),
                    "comes twice, or behind row " + std::to_string(last_row));
  }
  return *number;
}

Result<bool> Reader::State::find_row() {
  detail::XmlReader& xml = part->xml();
  while (true) {
    const Token token = xml.next();
    if (token == Token::failed) return end_with_xml_error();
    // What follows the rows (and is whole, as its checksum said) has no values.
    if (token == Token::eof || (token == Token::end && xml.name() == "sheetData")) {
      ended = true;
      return false;
    }
    if (token == Token::start && xml.name() == "sheetData" && xml.depth() == 2) is_in_rows = true;
    if (token == Token::start && is_in_rows && xml.depth() == 3) {
      if (xml.name() == "row") return true;
      if (!xml.skip()) return end_with_xml_error();
    }
  }
}

Reader::Reader(std::unique_ptr<State> state) : state_(std::move(state)) {}
Reader::Reader(Reader&&) noexcept = default;
Reader& Reader::operator=(Reader&&) noexcept = default;
Reader::~Reader() = default;

Result<Reader> Reader::of_descriptor(int descriptor, std::string name, ReadOptions options) {
  Result<std::shared_ptr<const detail::Bytes>> file = detail::Bytes::of_descriptor(descriptor);
  if (!file) return Error(file.error().code(), name + ": " + file.error().message());
  Result<std::unique_ptr<detail::Package>> package =
      detail::open_package(std::move(*file), options.sheet, options.limits);
  if (!package) return Error(package.error().code(), name + ": " + package.error().message());
  Reader reader(std::make_unique<State>(std::move(*package), options.limits));
  KIT_TRY(reader.rewind());
  return reader;
}

Result<Reader> Reader::from_text(std::string text, ReadOptions options) {
  Result<std::unique_ptr<detail::Package>> package =
      detail::open_package(detail::Bytes::of_text(std::move(text)), options.sheet, options.limits);
  if (!package) return std::move(package).error();
  Reader reader(std::make_unique<State>(std::move(*package), options.limits));
  KIT_TRY(reader.rewind());
  return reader;
}

Result<bool> Reader::next(csv::Record& record) {
  State& state = *state_;
  record = {};
  record.line = state.last_row + 1;
  const std::size_t begin = bytes_read();
  while (!state.ended) {
    state.part->xml().stop_after(state.limits.row_bytes);
    Result<bool> found = state.find_row();
    if (!found || !*found) return found;
    Result<std::size_t> number = state.row_number();
    if (!number) return std::move(number).error();
    record.line = state.last_row = *number;
    if (!state.row.read(state.part->xml(), *number, state.width, state.limits))
      return state.end_with_xml_error();
    if (state.row.problem()) {
      // Without a header nothing that follows has a meaning.
      if (state.width == 0) state.ended = true;
      return State::bad(state.row.problem()->place, state.row.problem()->what);
    }
    if (!state.row.has_values()) {
      if (bytes_read() - begin < pause_bytes) continue;
      return true;
    }
    if (state.width == 0) state.width = state.row.fields().size();
    record.fields = state.row.fields();
    return true;
  }
  return false;
}

Result<> Reader::rewind() {
  State& state = *state_;
  Result<std::unique_ptr<detail::XmlPart>> part =
      detail::XmlPart::open(state.package->archive, *state.package->sheet, state.limits.sheet_bytes,
                            state.limits.row_bytes, state.limits);
  if (!part) return std::move(part).error();
  state.part = std::move(*part);
  state.width = 0;
  state.last_row = 0;
  state.is_in_rows = false;
  state.ended = false;
  return {};
}

Result<std::size_t> Reader::read_at(std::size_t offset, std::span<char> bytes) const {
  return state_->package->archive.file()->read_at(offset, bytes);
}

std::size_t Reader::bytes_read() const {
  return static_cast<std::size_t>(state_->part->xml().position());
}

std::size_t Reader::bytes_total() const {
  return static_cast<std::size_t>(state_->package->sheet->bytes);
}

}  // namespace kit::xlsx
