// SPDX-License-Identifier: Apache-2.0
// Whatever a collector answers: read as a whole or refused, never more than it is.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "kit/adapters/otlp/encode.hpp"
#include "kit/base/assert.hpp"
#include "kit/base/text.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const auto read = kit::otlp::decode_response(body);
  if (read) KIT_ASSERT(kit::is_utf8(read->message), read->message);
  return 0;
}
