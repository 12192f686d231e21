// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kitgen/adopt/detail/sql_text.hpp"

// SQL of a hostile catalogue: whatever it is, it is read or it is nothing.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  kitgen::adopt::conditions_of(sql);
  kitgen::adopt::default_of(sql);
  kitgen::adopt::checks_of(sql);
  kitgen::adopt::where_of(sql);
  return 0;
}
