// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/file_body.hpp"

#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include "kit/http/detail/file_work.hpp"

namespace kit::http::detail {
namespace {

bool is_same_time(const ::timespec& a, const ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

bool is_same_state(const struct ::stat& a, const struct ::stat& b) {
  return a.st_dev == b.st_dev && a.st_ino == b.st_ino && a.st_size == b.st_size &&
         is_same_time(a.st_mtim, b.st_mtim);
}

FileBody::ReadResult FileBody::read_at(const Source& source, std::size_t wanted,
                                       std::uint64_t offset, int flags) {
  const ::iovec target{source.buffer.get(), wanted};
  ReadResult result;
  do {
    result.count = ::preadv2(source.file.number(), &target, 1, static_cast<off_t>(offset), flags);
    result.error_number = result.count < 0 ? errno : 0;
  } while (result.error_number == EINTR);
  return result;
}

/// What is in memory comes at once; the rest is read where waiting is allowed.
Task<FileBody::ReadResult> FileBody::read_piece(BlockingPool* pool,
                                                std::shared_ptr<const Source> source,
                                                std::size_t wanted, std::uint64_t offset) {
  const ReadResult cached = read_at(*source, wanted, offset, RWF_NOWAIT);
  // EAGAIN: not in memory. Others: a file system that cannot tell.
  if (cached.error_number == 0) co_return cached;
  auto work = [source, wanted, offset] { return read_at(*source, wanted, offset, 0); };
  auto reading = file_work(pool, std::move(work));
  const ReadResult result = co_await reading;
  co_return result;
}

FileBody::FileBody(BlockingPool* pool, FileDescriptor file, const struct ::stat& status,
                   Selection selection)
    : pool_(pool),
      source_(std::make_shared<Source>()),
      status_(status),
      parts_(std::move(selection.parts)),
      size_(0),
      left_(0) {
  source_->file = std::move(file);
  for (const Selection::Part& part : parts_) {
    size_ += part.text.size() + part.size;
    left_ += part.size;
  }
}

Result<> FileBody::check_unchanged() const {
  struct ::stat now;
  if (::fstat(source_->file.number(), &now) == 0 && is_same_state(now, status_)) return {};
  return Error(Code::data_loss, "the file was changed while it was sent")
      .with_reason("FILE_CHANGED");
}

void FileBody::skip_finished() {
  while (part_ < parts_.size() && parts_[part_].text.empty() && parts_[part_].size == 0) ++part_;
}

Task<std::string_view> FileBody::read() {
  skip_finished();
  if (part_ == parts_.size()) co_return std::string_view();
  Selection::Part& part = parts_[part_];
  std::unique_ptr<char[]>& buffer = source_->buffer;
  if (!buffer) buffer = std::make_unique_for_overwrite<char[]>(piece_bytes);
  if (!part.text.empty()) {  // always far shorter than a piece
    const std::size_t count = part.text.copy(buffer.get(), piece_bytes);
    part.text.erase(0, count);
    co_return std::string_view(buffer.get(), count);
  }
  const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(part.size, piece_bytes));
  Task<ReadResult> reading = read_piece(pool_, source_, wanted, part.offset);
  const ReadResult result = co_await std::move(reading);
  if (result.error_number != 0) {
    co_return Error(Code::internal,
                    std::string("cannot read a file: ") + std::strerror(result.error_number))
        .with_reason("FILE_UNREADABLE");
  }
  const auto count = static_cast<std::size_t>(result.count);
  part.offset += count;
  part.size -= count;
  left_ -= count;
  if (count == 0 || left_ == 0) co_await check_unchanged();
  if (count == 0) {
    co_return Error(Code::data_loss, "the file ended before its size").with_reason("FILE_CHANGED");
  }
  co_return std::string_view(buffer.get(), count);
}

}  // namespace kit::http::detail
