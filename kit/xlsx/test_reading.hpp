// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "kit/xlsx/reader.hpp"
#include "kit/xlsx/test_workbook.hpp"

namespace kit::xlsx {

/// Every record on a line: "2: a|-|b", `-` for no value; what is wrong as "3! why".
inline std::string read_all(Result<Reader> reader) {
  if (!reader) return "! " + std::string(reader.error().message());
  std::string text;
  csv::Record record;
  while (true) {
    const Result<bool> more = reader->next(record);
    if (!more) {
      text += std::to_string(record.line) + "! " + more.error().violations()[0].description + "\n";
      continue;
    }
    if (!*more) return text;
    if (record.fields.empty()) continue;
    text += std::to_string(record.line) + ":";
    char separator = ' ';
    for (const csv::Field& field : record.fields) {
      text += separator + std::string(field.value_or("-"));
      separator = '|';
    }
    text += "\n";
  }
}

inline std::string read_all(const TestWorkbook& workbook, Limits limits = {},
                            std::string sheet = "") {
  return read_all(Reader::from_text(workbook.bytes(), {std::move(sheet), limits}));
}

/// The records of a sheet whose header is the one cell A1, "H".
inline std::string read_rows(const std::string& rows, Limits limits = {}) {
  TestWorkbook workbook;
  workbook.rows = "<row r=\"1\"><c r=\"A1\" t=\"str\"><v>H</v></c></row>" + rows;
  std::string text = read_all(workbook, limits);
  return text.starts_with("1: H\n") ? text.substr(5) : text;
}

}  // namespace kit::xlsx
