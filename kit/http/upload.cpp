// SPDX-License-Identifier: Apache-2.0
#include "kit/http/upload.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "kit/http/detail/file_descriptor.hpp"
#include "kit/http/detail/file_work.hpp"
#include "kit/http/detail/temporary_file.hpp"

namespace kit::http {
namespace {

/// What is gathered before it is handed to the disk.
constexpr std::size_t write_bytes = 64 * 1024;

Error too_large(std::string_view what, std::size_t limit, std::string reason) {
  return Error(Code::invalid_argument,
               std::string(what) + " may have at most " + std::to_string(limit) + " bytes")
      .with_reason(std::move(reason))
      .with_http_status(413);
}

/// Follows a parser and puts contents where they belong.
class Receiver {
 public:
  Receiver(std::string_view boundary, const UploadOptions& options)
      : options_(options), parser_(boundary, options.limits) {}

  Task<> take(std::string_view bytes) {
    received_ += bytes.size();
    if (received_ > options_.max_bytes)
      co_await too_large("the form", options_.max_bytes, "UPLOAD_TOO_LARGE");
    while (true) {
      bytes.remove_prefix(parser_.parse(bytes));
      switch (parser_.state()) {
        case MultipartParser::State::incomplete:
        case MultipartParser::State::complete:
          co_return;
        case MultipartParser::State::failed:
          co_await parser_.error();
          break;
        case MultipartParser::State::part_begin:
          co_await begin_part();
          break;
        case MultipartParser::State::data:
          co_await add(parser_.data());
          break;
        case MultipartParser::State::part_end:
          co_await end_part();
          break;
      }
    }
  }

  Result<Upload> finish() {
    if (parser_.state() != MultipartParser::State::complete) {
      return Error(Code::invalid_argument, "the form ends before its last boundary")
          .with_reason("MULTIPART_MALFORMED");
    }
    return std::move(upload_);
  }

 private:
  Task<> begin_part() {
    head_ = parser_.part();
    size_ = 0;
    pending_.clear();
    if (!head_.filename) co_return;
    auto work = [directory = options_.directory] { return detail::open_temporary_file(directory); };
    auto opening = detail::file_work(options_.pool, std::move(work));
    detail::FileDescriptor file = co_await opening;
    // Shared with a write that nobody waits for any more.
    file_ = std::make_shared<detail::FileDescriptor>(std::move(file));
  }

  Task<> add(std::string_view bytes) {
    size_ += bytes.size();
    if (head_.filename) {
      if (size_ > options_.max_file_bytes)
        co_await too_large("a file", options_.max_file_bytes, "FILE_TOO_LARGE");
    } else {
      fields_bytes_ += bytes.size();
      if (size_ > options_.max_field_bytes)
        co_await too_large("a field", options_.max_field_bytes, "FIELD_TOO_LARGE");
      if (fields_bytes_ > options_.max_fields_bytes)
        co_await too_large("all fields", options_.max_fields_bytes, "FIELD_TOO_LARGE");
    }
    pending_.append(bytes);
    if (head_.filename && pending_.size() >= write_bytes) co_await write_pending();
  }

  Task<> end_part() {
    if (!head_.filename) {
      upload_.fields.emplace_back(std::move(head_.name), std::move(pending_));
      co_return;
    }
    if (!pending_.empty()) co_await write_pending();
    detail::FileDescriptor file = std::move(*file_);
    file_.reset();
    ::lseek(file.number(), 0, SEEK_SET);
    upload_.files.emplace_back(std::move(head_), file.release(), size_);
  }

  Task<> write_pending() {
    auto work = [file = file_, bytes = std::exchange(pending_, {})] {
      return detail::append_to_file(file->number(), bytes);
    };
    auto writing = detail::file_work(options_.pool, std::move(work));
    co_await writing;
  }

  const UploadOptions& options_;
  MultipartParser parser_;
  Upload upload_;
  PartHead head_;
  std::shared_ptr<detail::FileDescriptor> file_;
  std::string pending_;
  std::size_t size_ = 0;
  std::size_t fields_bytes_ = 0;
  std::size_t received_ = 0;
};

}  // namespace

UploadedFile::UploadedFile(PartHead head, int descriptor, std::uint64_t size)
    : head_(std::move(head)), descriptor_(descriptor), size_(size) {}

UploadedFile::UploadedFile(UploadedFile&& other) noexcept
    : head_(std::move(other.head_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      size_(other.size_) {}

UploadedFile& UploadedFile::operator=(UploadedFile&& other) noexcept {
  std::swap(head_, other.head_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

UploadedFile::~UploadedFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

const std::string* Upload::field(std::string_view name) const {
  const auto found = std::ranges::find(fields, name, &std::pair<std::string, std::string>::first);
  return found == fields.end() ? nullptr : &found->second;
}

Task<UploadedFile> receive_body(Request& request, UploadOptions options) {
  auto work = [directory = options.directory] { return detail::open_temporary_file(directory); };
  auto opening = detail::file_work(options.pool, std::move(work));
  detail::FileDescriptor opened = co_await opening;
  // Shared with a write that nobody waits for any more.
  const auto file = std::make_shared<detail::FileDescriptor>(std::move(opened));
  std::string pending(request.stream == nullptr ? request.body : std::string_view());
  std::size_t size = pending.size();
  bool more = request.stream != nullptr;
  while (more || !pending.empty()) {
    if (more) {
      const std::string_view piece = co_await request.stream->read();
      more = !piece.empty();
      size += piece.size();
      pending.append(piece);
    }
    if (size > options.max_bytes) {
      co_return too_large("the body", options.max_bytes, "UPLOAD_TOO_LARGE");
    }
    if (more && pending.size() < write_bytes) continue;
    auto append = [file, bytes = std::exchange(pending, {})] {
      return detail::append_to_file(file->number(), bytes);
    };
    auto writing = detail::file_work(options.pool, std::move(append));
    co_await writing;
  }
  ::lseek(file->number(), 0, SEEK_SET);
  co_return UploadedFile(PartHead(), file->release(), size);
}

Task<Upload> receive_upload(Request& request, UploadOptions options) {
  const std::string_view content_type = request.header("Content-Type").value_or("");
  Result<std::string> boundary = multipart_boundary(content_type);
  if (!boundary.ok()) co_return std::move(boundary).error();
  if (request.stream != nullptr && request.stream->size().value_or(0) > options.max_bytes)
    co_return too_large("the form", options.max_bytes, "UPLOAD_TOO_LARGE");
  Receiver receiver(*boundary, options);
  if (request.stream == nullptr) {
    co_await receiver.take(request.body);
  } else {
    while (true) {
      const std::string_view piece = co_await request.stream->read();
      if (piece.empty()) break;
      co_await receiver.take(piece);
    }
  }
  co_return receiver.finish();
}

}  // namespace kit::http
