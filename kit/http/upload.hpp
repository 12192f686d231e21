// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/async/task.hpp"
#include "kit/http/message.hpp"
#include "kit/http/multipart.hpp"

namespace kit {
class BlockingPool;
}

namespace kit::http {

/// A file of a form, in a file without a name: it is gone with this object, or with the process.
class UploadedFile {
 public:
  UploadedFile(PartHead head, int descriptor, std::uint64_t size);
  UploadedFile(UploadedFile&& other) noexcept;
  UploadedFile& operator=(UploadedFile&& other) noexcept;
  ~UploadedFile();

  const std::string& field() const { return head_.name; }
  /// What the client calls it, without folders: for showing, never for opening. May be empty.
  const std::string& filename() const { return *head_.filename; }
  /// What the client says it is.
  const std::string& content_type() const { return head_.content_type; }
  std::uint64_t size() const { return size_; }
  /// Open for reading and writing, at its beginning. Lifetime: this object's.
  int descriptor() const { return descriptor_; }

 private:
  PartHead head_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

struct Upload {
  std::vector<std::pair<std::string, std::string>> fields;  ///< In the order sent.
  std::vector<UploadedFile> files;

  /// The first field of a name, or null.
  const std::string* field(std::string_view name) const;
};

struct UploadOptions {
  std::string directory;                          ///< Where files are put; on one disk with room.
  std::size_t max_bytes = 32 * 1024 * 1024;       ///< Of the whole form.
  std::size_t max_file_bytes = 32 * 1024 * 1024;  ///< Of one file.
  std::size_t max_field_bytes = 64 * 1024;        ///< Of one field.
  std::size_t max_fields_bytes = 1024 * 1024;     ///< Of all fields: they are kept in memory.
  MultipartLimits limits;
  BlockingPool* pool = nullptr;  ///< For writing files; null: the process's own.
};

/// Reads the form (multipart/form-data) of a request: files to disk as they come, fields to
/// memory. The route should have `streams_body` and a `max_body_bytes` of at least `max_bytes`.
/// Fails with `invalid_argument` for what is no form (400, 415) or too large (413:
/// UPLOAD_TOO_LARGE, FILE_TOO_LARGE, FIELD_TOO_LARGE, TOO_MANY_PARTS), `resource_exhausted` (507,
/// DISK_FULL), and with what reading the body fails with. Whatever happens, no file is left behind.
Task<Upload> receive_upload(Request& request, UploadOptions options);

/// Puts the body of a request, as it is, into a file; of the options `directory`, `max_bytes` and
/// `pool` count. Fails with `invalid_argument` (413, UPLOAD_TOO_LARGE), `resource_exhausted` (507,
/// DISK_FULL), and with what reading the body fails with. Whatever happens, no file is left behind.
Task<UploadedFile> receive_body(Request& request, UploadOptions options);

}  // namespace kit::http
