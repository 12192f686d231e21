// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "kitgen/schema/format.hpp"

namespace {

std::optional<std::string> format(const std::string& text) {
  const kitgen::schema::Source source("fuzz.yaml", text);
  kitgen::schema::Diagnostics diagnostics(source);
  return kitgen::schema::format(source, diagnostics);
}

}  // namespace

// What is laid out stays as it is when it is laid out again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::optional<std::string> once =
      format(std::string(reinterpret_cast<const char*>(data), size));
  if (once && format(*once) != once) std::abort();
  return 0;
}
