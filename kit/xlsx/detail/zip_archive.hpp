// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/xlsx/limits.hpp"

struct z_stream_s;

namespace kit::xlsx::detail {

/// A file that is read from any place: open, or in memory for tests.
class Bytes {
 public:
  /// Takes a descriptor of its own. Fails with `unavailable` for what is no regular file.
  static Result<std::shared_ptr<const Bytes>> of_descriptor(int descriptor);
  static std::shared_ptr<const Bytes> of_text(std::string text);
  Bytes() = default;
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  ~Bytes();

  std::uint64_t size() const { return size_; }
  /// How many could be read; fewer than asked for only at the end.
  Result<std::size_t> read_at(std::uint64_t offset, std::span<char> bytes) const;

 private:
  int descriptor_ = -1;
  std::string text_;
  std::uint64_t size_ = 0;
};

/// A file in an archive, as the directory of the archive describes it.
struct ZipEntry {
  std::string name;
  std::uint32_t crc = 0;
  std::uint64_t packed_bytes = 0;
  std::uint64_t bytes = 0;
  std::uint64_t offset = 0;  ///< Of its own header.
  std::uint64_t end = 0;     ///< Where the next entry, or the directory, begins.
  bool is_deflated = false;
};

/// The directory of a ZIP file. What two readers could take differently is refused: another
/// directory than the one at the end, entries that overlap, names that come twice.
class ZipArchive {
 public:
  /// Fails with `invalid_argument`, saying what is wrong with the file.
  static Result<ZipArchive> open(std::shared_ptr<const Bytes> file, const Limits& limits);

  /// By name in any case, as packages have it; null: there is none.
  const ZipEntry* find(std::string_view name) const;
  const std::shared_ptr<const Bytes>& file() const { return file_; }

 private:
  ZipArchive() = default;
  std::shared_ptr<const Bytes> file_;
  std::vector<ZipEntry> entries_;
};

/// Unpacks an entry piece by piece.
class ZipPart {
 public:
  /// Fails with `invalid_argument` for an entry past `max_bytes` or the allowed ratio, or whose own
  /// header says something else than the directory.
  static Result<ZipPart> open(const ZipArchive& archive, const ZipEntry& entry,
                              std::uint64_t max_bytes, const Limits& limits);
  ZipPart(ZipPart&&) noexcept;
  ZipPart& operator=(ZipPart&&) noexcept;
  ~ZipPart();

  /// The next piece; empty at the end, when length and checksum were right. Lifetime: until the
  /// next call.
  Result<std::string_view> read();
  /// Goes through the rest: whether its checksum is right.
  Result<> verify();
  const ZipEntry& entry() const { return entry_; }

 private:
  ZipPart();
  Result<> fill();
  Result<std::string_view> finish();

  std::shared_ptr<const Bytes> file_;
  ZipEntry entry_;
  std::uint64_t at_ = 0;  ///< Of the next packed byte, in the file.
  std::uint64_t packed_left_ = 0;
  std::uint64_t unpacked_ = 0;
  std::uint32_t crc_ = 0;
  bool is_done_ = false;
  std::vector<char> input_;
  std::vector<char> output_;
  std::unique_ptr<z_stream_s> inflate_;
};

}  // namespace kit::xlsx::detail
