// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/otlp/detail/protobuf.hpp"

namespace kit::otlp::detail {

bool ProtobufReader::varint(std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    if (rest_.empty()) return fail();
    const auto byte = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    if (shift == 63 && byte > 1) return fail();  // past 64 bits
    value |= std::uint64_t{byte & 0x7FU} << shift;
    if (byte < 0x80) return true;
  }
  return fail();
}

bool ProtobufReader::fixed(std::size_t size, std::uint64_t& value) {
  if (rest_.size() < size) return fail();
  value = 0;
  for (std::size_t i = size; i-- > 0;) {
    value = value << 8U | static_cast<unsigned char>(rest_[i]);
  }
  rest_.remove_prefix(size);
  return true;
}

bool ProtobufReader::next(Field& field) {
  if (!is_good_ || rest_.empty()) return false;
  std::uint64_t tag = 0;
  if (!varint(tag)) return false;
  constexpr std::uint64_t most_field = (std::uint64_t{1} << 29U) - 1;
  if (tag >> 3U == 0 || tag >> 3U > most_field) return fail();
  field = {};
  field.number = static_cast<std::uint32_t>(tag >> 3U);
  switch (tag & 7U) {
    case 0:
      return varint(field.value);
    case 1:
      return fixed(8, field.value);
    case 5:
      return fixed(4, field.value);
    case 2: {
      std::uint64_t size = 0;
      if (!varint(size)) return false;
      if (size > rest_.size()) return fail();
      field.bytes = rest_.substr(0, static_cast<std::size_t>(size));
      rest_.remove_prefix(static_cast<std::size_t>(size));
      return true;
    }
    default:
      return fail();  // groups are of long ago
  }
}

}  // namespace kit::otlp::detail
