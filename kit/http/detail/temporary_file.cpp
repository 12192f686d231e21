// SPDX-License-Identifier: Apache-2.0
#include "kit/http/detail/temporary_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace kit::http::detail {
namespace {

Error file_error(std::string_view what, int error_number) {
  std::string message(what);
  message.append(": ").append(std::strerror(error_number));
  if (error_number == ENOSPC || error_number == EDQUOT) {
    return Error(Code::resource_exhausted, std::move(message))
        .with_reason("DISK_FULL")
        .with_http_status(507);
  }
  return Error(Code::internal, std::move(message)).with_reason("UPLOAD_FAILED");
}

}  // namespace

Result<FileDescriptor> open_temporary_file(const std::string& directory) {
  FileDescriptor file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (file.open()) return file;
  // EISDIR and EOPNOTSUPP: the kernel or the file system does not know O_TMPFILE.
  if (errno == EISDIR || errno == EOPNOTSUPP) return open_and_unlink_temporary_file(directory);
  return file_error("cannot make a file for an upload in '" + directory + "'", errno);
}

Result<FileDescriptor> open_and_unlink_temporary_file(const std::string& directory) {
  std::string name = directory + "/.upload-XXXXXX";
  FileDescriptor file(::mkostemp(name.data(), O_CLOEXEC));
  if (!file.open() || ::unlink(name.c_str()) != 0)
    return file_error("cannot make a file for an upload in '" + directory + "'", errno);
  return file;
}

Result<> append_to_file(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(file, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return file_error("cannot write a file of an upload", errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
  return {};
}

}  // namespace kit::http::detail
