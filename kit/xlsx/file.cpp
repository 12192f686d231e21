// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kit/xlsx/writer.hpp"

namespace kit::xlsx {

File::File(File&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<std::size_t> File::read_at(std::uint64_t offset, std::span<char> bytes) const {
  ssize_t got = 0;
  do {
    got = ::pread(descriptor_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0)
    return Error(Code::unavailable,
                 std::string("can't read a temporary file: ") + std::strerror(errno));
  return static_cast<std::size_t>(got);
}

}  // namespace kit::xlsx
