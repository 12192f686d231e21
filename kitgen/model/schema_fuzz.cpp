// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kit/base/assert.hpp"
#include "kitgen/model/load.hpp"

/// Any bytes are read to a model or to diagnostics, never to neither; what can be said of either
/// can be printed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  namespace model = kitgen::model;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const model::Loaded loaded = model::load_text(text, "fuzz.yaml");
  KIT_ASSERT(loaded.service.has_value() != kitgen::schema::has_errors(loaded.diagnostics),
             "a model or errors, not both");
  const std::string report = kitgen::schema::to_string(loaded.diagnostics);
  KIT_ASSERT(report.size() < 1024 * 1024, "the report is bounded");
  if (loaded.service) KIT_ASSERT(!model::dump(*loaded.service).empty(), "a model has a text");
  return 0;
}
