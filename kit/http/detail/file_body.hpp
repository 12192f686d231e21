// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "kit/http/conditional.hpp"
#include "kit/http/detail/file_descriptor.hpp"
#include "kit/http/message.hpp"

namespace kit {
class BlockingPool;
}

namespace kit::http::detail {

/// Parts of a file as a body: exactly the bytes that were announced. Fails with `data_loss` (reason
/// FILE_CHANGED) when the file is not what it was when it was opened, before its last piece is
/// handed on: nobody takes the mixture for the whole.
class FileBody final : public BodyReader {
 public:
  static constexpr std::size_t piece_bytes = 64 * 1024;

  FileBody(BlockingPool* pool, FileDescriptor file, const struct ::stat& status,
           Selection selection);

  Task<std::string_view> read() override;
  std::optional<std::uint64_t> size() const override { return size_; }

 private:
  /// What a read that nobody waits for any more still uses.
  struct Source {
    FileDescriptor file;
    std::unique_ptr<char[]> buffer;
  };
  struct ReadResult {
    ssize_t count = 0;
    int error_number = 0;
  };
  static ReadResult read_at(const Source& source, std::size_t wanted, std::uint64_t offset,
                            int flags);
  static Task<ReadResult> read_piece(BlockingPool* pool, std::shared_ptr<const Source> source,
                                     std::size_t wanted, std::uint64_t offset);
  Result<> check_unchanged() const;
  void skip_finished();

  BlockingPool* pool_;
  std::shared_ptr<Source> source_;
  struct ::stat status_;
  std::vector<Selection::Part> parts_;
  std::uint64_t size_;
  std::size_t part_ = 0;
  std::uint64_t left_;  // bytes of the file still to come
};

/// Whether two looks at a file saw one state of it.
bool is_same_state(const struct ::stat& a, const struct ::stat& b);

}  // namespace kit::http::detail
