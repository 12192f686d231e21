// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/root.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "kit/base/text.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

constexpr std::size_t max_file_bytes = 64 * 1024 * 1024;

Error failure(const std::string& path, int number) {
  const Code code = number == ENOENT ? Code::not_found
                    : number == EACCES || number == EPERM || number == EROFS
                        ? Code::permission_denied
                    : number == ENOSPC || number == EDQUOT ? Code::resource_exhausted
                                                           : Code::failed_precondition;
  return Error(code, path + ": " + std::strerror(number));
}

Error escapes(const std::string& path) {
  return Error(Code::invalid_argument, "'" + path + "' is outside the project");
}

Result<> write_all(int descriptor, const std::string& path, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(descriptor, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return failure(path, errno);
    text.remove_prefix(static_cast<std::size_t>(wrote));
  }
  return {};
}

/// What stands in the way of a file, or nothing for a regular one.
std::optional<Error> obstacle(const std::string& path, mode_t mode) {
  if (S_ISREG(mode)) return std::nullopt;
  if (S_ISLNK(mode)) {
    return Error(Code::failed_precondition,
                 path +
                     " is a symbolic link; kitgen leaves it alone and cannot go on. Put the file "
                     "itself there, or remove the link");
  }
  const std::string_view kind = S_ISDIR(mode)    ? "a folder"
                                : S_ISFIFO(mode) ? "a named pipe"
                                : S_ISSOCK(mode) ? "a socket"
                                                 : "a device";
  return Error(Code::failed_precondition, path + " is " + std::string(kind) +
                                              ", but kitgen wants to write a file there. Move it "
                                              "away and run again");
}

/// Whether the step is fit to be taken: a name, not `.` or `..`.
bool is_step(std::string_view part) {
  return !part.empty() && part != "." && part != ".." && part.find('\0') == std::string_view::npos;
}

/// All steps down with one call of the kernel, under the same rules; nothing when that did not work
/// (one of them is missing or no real folder, or the kernel is older than 5.6): then the single
/// steps find out.
Descriptor enter_below(int root, const std::string& folder) {
  open_how how{};
  how.flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
  return Descriptor(
      static_cast<int>(::syscall(SYS_openat2, root, folder.c_str(), &how, sizeof how)));
}

/// One step down. ELOOP and ENOTDIR: something that is no folder, or a link to one.
Result<Descriptor> enter(int at, const std::string& part, const std::string& path, bool make) {
  constexpr int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  int number = ::openat(at, part.c_str(), flags);
  if (number < 0 && errno == ENOENT && make) {
    if (::mkdirat(at, part.c_str(), 0777) != 0 && errno != EEXIST) return failure(path, errno);
    number = ::openat(at, part.c_str(), flags);
  }
  if (number >= 0) return Descriptor(number);
  if (errno == ENOENT && !make) return Descriptor();
  if (errno == ELOOP || errno == ENOTDIR) {
    return Error(Code::failed_precondition, "'" + part + "' on the way to " + path +
                                                " is a symbolic link or no folder; kitgen only "
                                                "writes to real folders of the project");
  }
  return failure(path, errno);
}

}  // namespace

Descriptor::~Descriptor() {
  if (number_ >= 0) ::close(number_);
}

Result<Root> Root::open(const std::string& folder) {
  std::error_code code;
  const auto path = std::filesystem::canonical(folder, code);
  if (code) return Error(Code::not_found, folder + ": " + code.message());
  const char* home = std::getenv("HOME");
  const bool is_home = home != nullptr && *home != '\0' &&
                       std::filesystem::equivalent(path, std::filesystem::path(home), code);
  if (path == path.root_path() || is_home) {
    return Error(Code::invalid_argument,
                 path.string() + (is_home ? " is the home directory" : " is the root directory") +
                     ", not a project; go into the project's folder or name it with --project");
  }
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return failure(path.string(), errno);
  return Root(path.string(), std::move(descriptor));
}

Result<std::string> Root::relative(const std::string& path) const {
  std::error_code code;
  // Made absolute first: of a relative path that is not there at all it would keep the text.
  const auto absolute =
      std::filesystem::weakly_canonical(std::filesystem::absolute(path, code), code);
  if (code) return Error(Code::invalid_argument, path + ": " + code.message());
  const auto below = absolute.lexically_relative(folder_);
  if (below.empty() || *below.begin() == "..") return escapes(path);
  // What the text says must be inside too, so that a link is not followed and then found harmless.
  const auto written = std::filesystem::absolute(path, code).lexically_normal();
  auto text = written.lexically_relative(folder_);
  if (text.empty() || *text.begin() == "..") text = below;
  std::string result = text.generic_string();
  while (result.ends_with('/')) result.pop_back();
  return result == "." ? "" : result;
}

Result<std::pair<Descriptor, std::string>> Root::parent(const std::string& path, bool make) const {
  const auto parts = kit::split(path, '/');
  if (!std::ranges::all_of(parts, is_step)) return escapes(path);
  const std::size_t slash = path.rfind('/');
  if (slash != std::string::npos) {
    Descriptor found = enter_below(descriptor_.number(), path.substr(0, slash));
    if (found) return std::pair(std::move(found), std::string(parts.back()));
    if (errno == ENOENT && !make) return std::pair(Descriptor(), std::string());
  }
  Descriptor at(::fcntl(descriptor_.number(), F_DUPFD_CLOEXEC, 0));
  if (!at) return failure(path, errno);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    auto next = enter(at.number(), std::string(parts[i]), path, make);
    if (!next) return std::move(next).error();
    if (!*next) return std::pair(Descriptor(), std::string());
    at = std::move(*next);
  }
  return std::pair(std::move(at), std::string(parts.back()));
}

Result<std::optional<std::string>> Root::read(const std::string& path) const {
  auto place = parent(path, false);
  if (!place) return std::move(place).error();
  std::optional<std::string> missing;
  if (!place->first) return missing;
  struct stat status{};
  // Looked at before it is opened: opening a device can have effects.
  if (::fstatat(place->first.number(), place->second.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return missing;
    return failure(path, errno);
  }
  if (auto problem = obstacle(path, status.st_mode)) return std::move(*problem);
  const Descriptor file(::openat(place->first.number(), place->second.c_str(),
                                 O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK));
  if (!file && errno == ENOENT) return missing;
  if (!file || ::fstat(file.number(), &status) != 0) return failure(path, errno);
  if (auto problem = obstacle(path, status.st_mode)) return std::move(*problem);
  if (static_cast<std::size_t>(status.st_size) > max_file_bytes) return failure(path, EFBIG);
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + have, text.size() - have);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(path, errno);
    if (got == 0) break;
    have += static_cast<std::size_t>(got);
  }
  text.resize(have);
  return std::optional<std::string>(std::move(text));
}

Result<std::vector<std::string>> Root::list(const std::string& path) const {
  std::vector<std::string> names;
  auto place = parent(path, false);
  if (!place) return std::move(place).error();
  if (!place->first) return names;
  auto folder = enter(place->first.number(), place->second, path, false);
  if (!folder) return std::move(folder).error();
  if (!*folder) return names;
  DIR* stream = ::fdopendir(::fcntl(folder->number(), F_DUPFD_CLOEXEC, 0));
  if (stream == nullptr) return failure(path, errno);
  while (const dirent* entry = ::readdir(stream)) {
    if (is_step(entry->d_name)) names.emplace_back(entry->d_name);
  }
  ::closedir(stream);
  std::ranges::sort(names);
  return names;
}

Result<std::optional<unsigned>> Root::permissions(const std::string& path) const {
  auto place = parent(path, false);
  if (!place) return std::move(place).error();
  std::optional<unsigned> missing;
  if (!place->first) return missing;
  struct stat status{};
  if (::fstatat(place->first.number(), place->second.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return missing;
    return failure(path, errno);
  }
  return std::optional<unsigned>(status.st_mode & 0777U);
}

namespace {

/// What keeps a file from being replaced although its folder can be written.
Result<> check_replaceable(const Descriptor& folder, const std::string& name,
                           const std::string& path) {
  struct statx status{};
  if (::statx(folder.number(), name.c_str(), AT_SYMLINK_NOFOLLOW, STATX_TYPE, &status) != 0) {
    return errno == ENOENT ? Result<>() : failure(path, errno);
  }
  constexpr auto fixed = STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND;
  if ((status.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0) {
    return Error(Code::failed_precondition,
                 path + " is a mount point, so it cannot be replaced. Unmount it and run again");
  }
  if ((status.stx_attributes & fixed) != 0) {
    return Error(Code::permission_denied,
                 path +
                     " is marked as immutable (lsattr shows it). Take that off (chattr -i -a) "
                     "and run again");
  }
  return {};
}

}  // namespace

Result<> Root::check_place(const std::string& path) const {
  auto place = parent(path, false);
  if (!place) return std::move(place).error();
  if (place->first) KIT_TRY(check_replaceable(place->first, place->second, path));
  std::string folder = path;
  while (!place->first) {
    folder = folder.substr(0, folder.rfind('/'));
    place = parent(folder, false);
    if (!place) return std::move(place).error();
  }
  if (::faccessat(place->first.number(), ".", W_OK | X_OK, AT_EACCESS) == 0) return {};
  const std::size_t slash = folder.rfind('/');
  return Error(Code::permission_denied,
               (slash == std::string::npos ? folder_ : folder.substr(0, slash)) +
                   " cannot be written, so " + path +
                   " cannot be changed: " + std::strerror(errno));
}

Result<> Root::write(const std::string& path, std::string_view text, bool executable,
                     std::optional<unsigned> permissions) const {
  auto place = parent(path, true);
  if (!place) return std::move(place).error();
  // Not blocking: a pipe in the way has to be an error.
  const Descriptor file(::openat(place->first.number(), place->second.c_str(),
                                 O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK,
                                 executable ? 0777 : 0666));
  struct stat status{};
  if (!file || ::fstat(file.number(), &status) != 0) return failure(path, errno);
  if (auto problem = obstacle(path, status.st_mode)) return std::move(*problem);
  KIT_TRY(write_all(file.number(), path, text));
  if (permissions && ::fchmod(file.number(), *permissions) != 0) return failure(path, errno);
  return {};
}

Result<> Root::rename(const std::string& from, const std::string& to) const {
  auto source = parent(from, false);
  if (!source) return std::move(source).error();
  if (!source->first) return failure(from, ENOENT);
  auto target = parent(to, true);
  if (!target) return std::move(target).error();
  if (::renameat(source->first.number(), source->second.c_str(), target->first.number(),
                 target->second.c_str()) == 0) {
    return {};
  }
  if (errno != EXDEV) return failure(to, errno);
  return copy_across(from, target->first, target->second, to);
}

/// `from` goes last: a death in between leaves it there to be copied again.
Result<> Root::copy_across(const std::string& from, const Descriptor& target,
                           const std::string& name, const std::string& to) const {
  constexpr const char* draft = ".kitgen.tmp";
  auto text = read(from);
  if (!text) return std::move(text).error();
  auto mode = permissions(from);
  if (!mode) return std::move(mode).error();
  if (!*text || !*mode) return failure(from, ENOENT);
  const auto failed = [&] {
    const int number = errno;
    ::unlinkat(target.number(), draft, 0);
    return failure(to, number);
  };
  ::unlinkat(target.number(), draft, 0);
  const Descriptor file(::openat(target.number(), draft,
                                 O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, **mode));
  if (!file) return failure(to, errno);
  if (auto written = write_all(file.number(), to, **text); !written) {
    ::unlinkat(target.number(), draft, 0);
    return written;
  }
  if (::fchmod(file.number(), **mode) != 0 || ::fsync(file.number()) != 0) return failed();
  if (::renameat(target.number(), draft, target.number(), name.c_str()) != 0) return failed();
  if (::fsync(target.number()) != 0) return failure(to, errno);
  return remove(from);
}

Result<> Root::remove(const std::string& path) const {
  auto place = parent(path, false);
  if (!place) return std::move(place).error();
  if (!place->first) return {};
  if (::unlinkat(place->first.number(), place->second.c_str(), 0) != 0 && errno != ENOENT) {
    return failure(path, errno);
  }
  for (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash != 0;
       slash = path.rfind('/', slash - 1)) {
    auto above = parent(path.substr(0, slash), false);
    if (!above || !above->first) return {};
    if (::unlinkat(above->first.number(), above->second.c_str(), AT_REMOVEDIR) != 0) return {};
  }
  return {};
}

Result<> Root::sync() const {
  if (::syncfs(descriptor_.number()) != 0) return failure(folder_, errno);
  return {};
}

Result<Descriptor> Root::lock(const std::string& path) const {
  auto place = parent(path, true);
  if (!place) return std::move(place).error();
  Descriptor file(::openat(place->first.number(), place->second.c_str(),
                           O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
  struct stat status{};
  if (!file || ::fstat(file.number(), &status) != 0) return failure(path, errno);
  if (auto problem = obstacle(path, status.st_mode)) return std::move(*problem);
  if (::flock(file.number(), LOCK_EX | LOCK_NB) != 0) {
    return Error(Code::aborted,
                 "another kitgen is at work in " + folder_ + "; wait for it and run again");
  }
  return file;
}

}  // namespace kitgen::cli
