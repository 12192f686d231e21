// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/source.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "kit/base/text.hpp"

namespace kitgen::schema {
namespace {

constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";

class FileDescriptor {
 public:
  explicit FileDescriptor(int fd) : fd_(fd) {}
  FileDescriptor(const FileDescriptor&) = delete;
  FileDescriptor& operator=(const FileDescriptor&) = delete;
  ~FileDescriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int value() const { return fd_; }

 private:
  int fd_;
};

kit::Error open_error(int number) {
  const kit::Code code = number == ENOENT || number == ENOTDIR ? kit::Code::not_found
                         : number == EACCES                    ? kit::Code::permission_denied
                                                               : kit::Code::unavailable;
  if (code == kit::Code::not_found) return {code, "there is no such file"};
  return {code, "cannot be read: " + std::generic_category().message(number)};
}

kit::Error too_large() {
  return {kit::Code::resource_exhausted, "the file is larger than 1 MiB"};
}

kit::Result<> check_kind(int fd) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) return open_error(errno);
  if (S_ISDIR(info.st_mode)) return kit::Error(kit::Code::invalid_argument, "is a directory");
  if (!S_ISREG(info.st_mode)) {
    return kit::Error(kit::Code::invalid_argument, "is not a regular file");
  }
  if (static_cast<std::size_t>(info.st_size) > max_source_bytes) return too_large();
  return {};
}

}  // namespace

Source::Source(std::string file, std::string text, int index)
    : file_(std::move(file)), text_(std::move(text)), index_(index) {
  if (text_.starts_with(byte_order_mark)) text_.erase(0, byte_order_mark.size());
  starts_.push_back(0);
  for (std::size_t i = 0; i < text_.size(); ++i) {
    if (text_[i] == '\n') starts_.push_back(i + 1);
  }
}

std::string_view Source::line(int number) const {
  if (number < 1 || static_cast<std::size_t>(number) > starts_.size()) return {};
  const auto index = static_cast<std::size_t>(number) - 1;
  const std::size_t end = index + 1 < starts_.size() ? starts_[index + 1] - 1 : text_.size();
  std::string_view result = std::string_view(text_).substr(starts_[index], end - starts_[index]);
  if (result.ends_with('\r')) result.remove_suffix(1);
  return result;
}

Position Source::position(std::size_t offset) const {
  const auto after = std::ranges::upper_bound(starts_, offset);
  const auto index = static_cast<std::size_t>(after - starts_.begin()) - 1;
  return position(static_cast<int>(index) + 1, offset - starts_[index]);
}

Position Source::position(int line_number, std::size_t byte_column) const {
  const std::string_view text = line(line_number);
  const std::string_view before = text.substr(0, std::min(byte_column, text.size()));
  const std::size_t column = kit::is_utf8(before) ? kit::utf8_length(before) : before.size();
  return {line_number, static_cast<int>(column) + 1, index_};
}

kit::Result<std::string> read_file(const std::string& path) {
  // Not blocking: opening a FIFO would otherwise wait for its writer.
  const FileDescriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.value() < 0) return open_error(errno);
  KIT_TRY(check_kind(file.value()));
  std::string text;
  text.resize(max_source_bytes + 1);
  std::size_t used = 0;
  while (used < text.size()) {
    const ssize_t got = ::read(file.value(), text.data() + used, text.size() - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return open_error(errno);
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  if (used > max_source_bytes) return too_large();
  text.resize(used);
  return text;
}

}  // namespace kitgen::schema
