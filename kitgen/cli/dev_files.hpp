// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "kit/base/result.hpp"
#include "kitgen/cli/root.hpp"

namespace kitgen::cli {

/// What tells a file that was written from one that was not, without reading it.
struct Stamp {
  std::int64_t changed_ns =
      0;  ///< Of the inode: a file that is renamed into place has another one too.
  std::int64_t size = 0;
  std::uint64_t inode = 0;
  friend bool operator==(const Stamp&, const Stamp&) = default;
};

/// The files of a project that decide what it is: schema, code, configuration, migrations, build
/// files; by their paths in the project. What builds, servers and editors leave behind is not among
/// them.
using FileStamps = std::map<std::string, Stamp>;

/// Paths that are new, gone or different, sorted.
std::vector<std::string> differences(const FileStamps& before, const FileStamps& after);

/// Whether a path of `FileStamps` is looked at: files by extension, folders without dot, build and
/// node_modules.
bool is_source_file(std::string_view name);
bool is_source_folder(std::string_view name);

/// Notices that files of a project change. inotify only wakes up: what changed is found by looking,
/// so that renames of editors, new folders and an overflow of the kernel's queue need no care.
class FileWatch {
 public:
  /// Fails with `resource_exhausted` when the system allows no (more) watches, with what to do
  /// about it.
  static kit::Result<FileWatch> open(const std::string& folder);

  /// Looks at everything, and watches folders that are new.
  kit::Result<FileStamps> look();
  /// Readable (for poll) when something happened since `drain`.
  int descriptor() const { return inotify_.number(); }
  /// Takes what happened; false: nothing.
  bool drain();

 private:
  FileWatch(std::string folder, Descriptor inotify)
      : folder_(std::move(folder)), inotify_(std::move(inotify)) {}
  kit::Result<> look_at(const std::string& path, int depth, FileStamps& stamps);

  std::string folder_;
  Descriptor inotify_;
};

}  // namespace kitgen::cli
