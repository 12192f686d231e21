// SPDX-License-Identifier: Apache-2.0
// What the reader accepts, the writer writes so that it reads back the same.
#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"
#include "kit/json/value.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);

  auto compacted = kit::json::compact(text);
  if (compacted) {
    KIT_ASSERT(kit::is_utf8(*compacted), "compact() gives UTF-8");
    auto again = kit::json::compact(*compacted);
    KIT_ASSERT(again && *again == *compacted, "compact() is stable");
  }

  auto value = kit::json::Value::parse(text);
  if (!value) {
    KIT_ASSERT(kit::is_utf8(value.error().message()) && !value.error().message().empty(),
               "an error has a message fit to show");
    return 0;
  }
  KIT_ASSERT(compacted, "compact() takes what parse() takes");
  std::string written = value->to_text();
  auto again = kit::json::Value::parse(written);
  KIT_ASSERT(again, "written JSON is JSON");
  KIT_ASSERT(again->to_text() == written, "a value survives writing and reading");
  return 0;
}
