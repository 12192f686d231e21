// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/dev_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

constexpr std::array<std::string_view, 10> extensions = {
    ".yaml", ".yml", ".cpp", ".hpp", ".h", ".c", ".cc", ".sql", ".cmake", ".proto"};
constexpr std::uint32_t events = IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                 IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr int max_depth = 32;

Error cannot_watch(const std::string& folder) {
  const std::string why = std::strerror(errno);
  if (errno == ENOSPC || errno == EMFILE) {
    return Error(Code::resource_exhausted,
                 "cannot watch " + folder + ": " + why +
                     ". The system's limit is reached: sysctl fs.inotify.max_user_watches=524288 "
                     "fs.inotify.max_user_instances=512");
  }
  return Error(Code::unavailable, "cannot watch " + folder + ": " + why);
}

struct CloseFolder {
  void operator()(DIR* folder) const { ::closedir(folder); }
};

}  // namespace

bool is_source_file(std::string_view name) {
  // Emacs' locks (.#x) and vim's swap files begin with a dot.
  if (name.starts_with('.') || name.starts_with('#') || name.ends_with('~')) return false;
  return name == "CMakeLists.txt" || std::ranges::any_of(extensions, [&](std::string_view each) {
           return name.ends_with(each);
         });
}

bool is_source_folder(std::string_view name) {
  return !name.starts_with('.') && name != "build" && !name.starts_with("build-") &&
         !name.starts_with("cmake-build") && name != "node_modules";
}

std::vector<std::string> differences(const FileStamps& before, const FileStamps& after) {
  std::vector<std::string> paths;
  for (const auto& [path, stamp] : before) {
    const auto now = after.find(path);
    if (now == after.end() || now->second != stamp) paths.push_back(path);
  }
  for (const auto& [path, stamp] : after) {
    if (!before.contains(path)) paths.push_back(path);
  }
  std::ranges::sort(paths);
  return paths;
}

Result<FileWatch> FileWatch::open(const std::string& folder) {
  Descriptor inotify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  if (!inotify) return cannot_watch(folder);
  return FileWatch(folder, std::move(inotify));
}

Result<FileStamps> FileWatch::look() {
  FileStamps stamps;
  KIT_TRY(look_at("", 0, stamps));
  return stamps;
}

Result<> FileWatch::look_at(const std::string& path, int depth, FileStamps& stamps) {
  const std::string folder = path.empty() ? folder_ : folder_ + "/" + path;
  // Watched before it is read: what comes in between is seen twice, not never. The same folder
  // again is the same watch.
  if (::inotify_add_watch(inotify_.number(), folder.c_str(), events) < 0) {
    // Gone again, or no folder of ours.
    const bool is_passing = errno == ENOENT || errno == ENOTDIR || errno == EACCES;
    if (is_passing && depth > 0) return {};
    return cannot_watch(folder);
  }
  const std::unique_ptr<DIR, CloseFolder> open(::opendir(folder.c_str()));
  if (!open) return {};
  while (const dirent* entry = ::readdir(open.get())) {
    const std::string_view name = entry->d_name;
    if (name == "." || name == "..") continue;
    const std::string below = path.empty() ? std::string(name) : path + "/" + std::string(name);
    struct stat found{};
    if (::fstatat(::dirfd(open.get()), entry->d_name, &found, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(found.st_mode)) {
      if (is_source_folder(name) && depth < max_depth) KIT_TRY(look_at(below, depth + 1, stamps));
    } else if (is_source_file(name)) {
      stamps[below] = {found.st_ctim.tv_sec * 1'000'000'000 + found.st_ctim.tv_nsec, found.st_size,
                       found.st_ino};
    }
  }
  return {};
}

bool FileWatch::drain() {
  bool happened = false;
  alignas(inotify_event) std::array<char, 16 * 1024> buffer;
  while (::read(inotify_.number(), buffer.data(), buffer.size()) > 0) happened = true;
  return happened;
}

}  // namespace kitgen::cli
