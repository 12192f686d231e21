// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/csv/csv.hpp"

namespace {

using Table = std::vector<std::vector<std::optional<std::string>>>;

Table read_all(std::string text, bool& clean) {
  Table table;
  auto reader = kit::csv::Reader::from_text(std::move(text));
  kit::csv::Record record;
  while (true) {
    auto more = reader.next(record);
    if (!more) {
      clean = false;
      continue;
    }
    if (!*more) return table;
    auto& row = table.emplace_back();
    for (const auto& field : record.fields) {
      row.push_back(field ? std::optional<std::string>(*field) : std::nullopt);
    }
  }
}

}  // namespace

/// Whatever is read can be written and reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bool clean = true;
  const Table table = read_all(std::string(reinterpret_cast<const char*>(data), size), clean);
  std::string text;
  for (const auto& row : table) {
    const std::vector<kit::csv::Field> fields(row.begin(), row.end());
    kit::csv::write_record(text, fields);
  }
  clean = true;
  // A first field that begins with a byte order mark would be taken for the file's own.
  if (text.starts_with("\xef\xbb\xbf")) text.insert(0, "\xef\xbb\xbf");
  const Table again = read_all(text, clean);
  KIT_ASSERT(clean && again == table, "a record did not survive writing and reading");
  return 0;
}
