// SPDX-License-Identifier: Apache-2.0
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/xlsx/reader.hpp"
#include "kit/xlsx/test_workbook.hpp"

namespace {

/// Small, so that a fuzzer reaches them.
kit::xlsx::Limits small_limits() {
  kit::xlsx::Limits limits;
  limits.entries = 64;
  limits.sheet_bytes = 4UL * 1024 * 1024;
  limits.strings_bytes = 1024UL * 1024;
  limits.strings_text_bytes = 256UL * 1024;
  limits.part_bytes = 256UL * 1024;
  limits.strings = 1'000;
  return limits;
}

std::size_t read_all(kit::xlsx::Reader& reader) {
  std::size_t width = 0;
  std::size_t last = 0;
  std::size_t records = 0;
  kit::csv::Record record;
  while (true) {
    const kit::Result<bool> more = reader.next(record);
    if (more && !*more) return records;
    if (!more) {
      KIT_ASSERT(!more.error().message().empty(), "an error says what is wrong");
      continue;
    }
    if (record.fields.empty()) continue;
    if (width == 0) width = record.fields.size();
    KIT_ASSERT(record.fields.size() == width, "every record has the fields of the header");
    KIT_ASSERT(record.line > last, "rows go down");
    last = record.line;
    ++records;
    for (const auto& field : record.fields) {
      KIT_ASSERT(!field || kit::is_utf8(*field), "texts are UTF-8");
    }
  }
}

/// What is no archive goes into one, so that a fuzzer reaches what stands behind checksums: the
/// content of `sheetData`, of the shared strings and of the styles, with a NUL between them.
std::string to_archive(std::string bytes) {
  if (bytes.starts_with("PK")) return bytes;
  const std::vector<std::string_view> parts = kit::split(bytes, '\0');
  kit::xlsx::TestWorkbook workbook;
  workbook.rows = parts[0];
  if (parts.size() > 1) workbook.strings = parts[1];
  if (parts.size() > 2) workbook.styles = parts[2];
  kit::xlsx::TestZip zip = workbook.zip();
  for (kit::xlsx::TestZip::Entry& entry : zip.entries) entry.is_deflated = false;
  return zip.bytes();
}

}  // namespace

/// Whatever the bytes are, the reader ends, and reads the same when it begins again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kit::xlsx::ReadOptions options;
  options.limits = small_limits();
  std::string bytes(reinterpret_cast<const char*>(data), size);
  auto reader = kit::xlsx::Reader::from_text(to_archive(std::move(bytes)), std::move(options));
  if (!reader) return 0;
  const std::size_t records = read_all(*reader);
  KIT_ASSERT(reader->rewind().ok(), "a file that was open can be read again");
  KIT_ASSERT(read_all(*reader) == records, "the second time is as the first");
  return 0;
}
