// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace kit {

/// SHA-256 (FIPS 180-4) of bytes that come in pieces, for checksums of files and migrations.
/// Cost: about 200 MB/s; nothing secret depends on its timing.
class Sha256 {
 public:
  Sha256();
  void add(std::string_view bytes);
  /// 64 lower-case hexadecimal digits. Ends the use of this object.
  std::string finish();

 private:
  void compress(const unsigned char* block);
  std::array<std::uint32_t, 8> state_;
  std::array<unsigned char, 64> pending_{};
  std::uint64_t bytes_ = 0;
};

/// The same in one call.
std::string sha256_hex(std::string_view bytes);

}  // namespace kit
