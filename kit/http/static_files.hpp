// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/http/message.hpp"
#include "kit/http/router.hpp"

namespace kit {
class BlockingPool;
}

namespace kit::http {

struct StaticFilesOptions {
  std::string directory;
  /// The file that stands for a directory; empty: directories are not found.
  std::string index = "index.html";
  /// For applications whose pages are made by a script: the file to answer with (200) where there
  /// is none, when the client takes text/html and the last segment has no dot. Empty: 404.
  std::string fallback;
  /// Folders whose files never change under their names, however these look: "assets/".
  std::vector<std::string> immutable_folders;
  /// Send a file's ".br", ".zst" or ".gz" sibling to clients that take it, unless it is older.
  bool is_precompressed = true;
  /// Fields of every answer: Content-Security-Policy and the like.
  std::vector<std::pair<std::string, std::string>> headers;
  BlockingPool* pool = nullptr;  ///< For what waits for the disk; null: the process's own.
};

/// Serves the regular files below a directory: whole, in ranges or as 304, with strong ETags
/// (docs/adr/0013). Names with a content hash ("app.3f9a2c41.js") may be kept for ever, others are
/// asked for again each time. What begins with a dot, leaves the directory (symbolic links
/// included) or is no regular file is not found. The path is the request's last path parameter.
/// Fails with `not_found` when the directory does not open and `unimplemented` on kernels without
/// openat2.
Result<Handler> static_files(StaticFilesOptions options);

/// Adds them as GET (and HEAD) below `prefix`: "/" or "/docs" (then "/docs/" is the index).
Result<> add_static_files(Router& router, std::string_view prefix, StaticFilesOptions options);

/// The media type of a file, by its extension; "application/octet-stream" for unknown ones.
std::string_view media_type_of(std::string_view file_name);
/// Whether a name has a part, after '.' or '-' and before an extension, that can only be a content
/// hash: 8 to 64 hex digits, letters and digits among them.
bool has_content_hash(std::string_view file_name);

}  // namespace kit::http
