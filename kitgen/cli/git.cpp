// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/git.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string_view>

#include "kit/base/text.hpp"
#include "kitgen/cli/root.hpp"

namespace kitgen::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t max_index_bytes = 64UL * 1024 * 1024;
constexpr std::size_t max_link_bytes = 4096;

/// A regular file of at most `limit` bytes.
std::optional<std::string> read_file(const fs::path& path, std::size_t limit) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW));
  struct stat status{};
  if (!file || ::fstat(file.number(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::size_t>(status.st_size) > limit) {
    return std::nullopt;
  }
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t have = 0;
  while (have < text.size()) {
    const ssize_t got = ::read(file.number(), text.data() + have, text.size() - have);
    if (got <= 0) return std::nullopt;
    have += static_cast<std::size_t>(got);
  }
  return text;
}

struct Checkout {
  fs::path top;
  fs::path index;
};

/// The working tree that holds `folder`: the nearest `.git` upwards, a folder or a file that names
/// one.
std::optional<Checkout> find_checkout(const fs::path& folder) {
  std::error_code code;
  for (fs::path top = folder;; top = top.parent_path()) {
    const fs::path git = top / ".git";
    if (fs::is_directory(git, code)) return Checkout{top, git / "index"};
    if (const auto link = read_file(git, max_link_bytes)) {
      constexpr std::string_view word = "gitdir: ";
      if (!link->starts_with(word)) return std::nullopt;
      return Checkout{top, top / kit::trim(std::string_view(*link).substr(word.size())) / "index"};
    }
    if (!top.has_relative_path()) return std::nullopt;
  }
}

/// What the index remembers of a file: enough to see that it was written since.
struct Entry {
  std::uint32_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  std::uint32_t bytes = 0;
};

/// The index file, versions 2 to 4 (git's Documentation/gitformat-index.txt).
class Index {
 public:
  explicit Index(std::string_view bytes) : bytes_(bytes) {}

  std::map<std::string, Entry> read() {
    std::map<std::string, Entry> entries;
    const std::uint32_t version = number(4);
    if (!bytes_.starts_with("DIRC") || version < 2 || version > 4) return entries;
    const std::uint32_t count = number(8);
    at_ = 12;
    std::string name;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::size_t start = at_;
      const std::size_t fixed = 62 + ((number(start + 60) & 0x40000000U) != 0 ? 2 : 0);
      if (start + fixed >= bytes_.size()) return entries;
      const Entry entry{number(start + 8), number(start + 12), number(start + 36)};
      at_ = start + fixed;
      if (version == 4 && !drop_from(name)) return entries;
      if (version < 4) name.clear();
      const std::size_t end = bytes_.find('\0', at_);
      if (end == std::string_view::npos) return entries;
      name += bytes_.substr(at_, end - at_);
      at_ = version == 4 ? end + 1 : start + (end - start + 8) / 8 * 8;
      entries[name] = entry;
    }
    return entries;
  }

 private:
  std::uint32_t number(std::size_t at) const {
    std::uint32_t value = 0;
    if (at + 4 > bytes_.size()) return value;
    for (std::size_t i = 0; i < 4; ++i)
      value = value << 8 | static_cast<unsigned char>(bytes_[at + i]);
    return value;
  }

  /// Version 4: how many bytes of the name before do not count.
  bool drop_from(std::string& name) {
    std::size_t drop = 0;
    for (int i = 0; i < 5 && at_ < bytes_.size(); ++i) {
      const auto byte = static_cast<unsigned char>(bytes_[at_++]);
      drop = i == 0 ? byte & 0x7FU : ((drop + 1) << 7) | (byte & 0x7FU);
      if (byte >= 0x80) continue;
      if (drop > name.size()) return false;
      name.resize(name.size() - drop);
      return true;
    }
    return false;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
};

}  // namespace

std::vector<std::string> changed_in_git(const std::string& folder,
                                        const std::vector<std::string>& paths) {
  std::vector<std::string> changed;
  if (paths.empty()) return changed;
  const auto checkout = find_checkout(folder);
  if (!checkout) return changed;
  const auto bytes = read_file(checkout->index, max_index_bytes);
  if (!bytes) return changed;
  const auto entries = Index(*bytes).read();
  for (const std::string& path : paths) {
    const fs::path file = fs::path(folder) / path;
    const auto entry = entries.find(file.lexically_relative(checkout->top).generic_string());
    struct stat status{};
    // A size of 0 is how git notes that it does not know.
    if (entry == entries.end() || entry->second.bytes == 0) continue;
    if (::lstat(file.c_str(), &status) != 0) continue;
    const bool is_same =
        entry->second.bytes == static_cast<std::uint32_t>(status.st_size) &&
        entry->second.seconds == static_cast<std::uint32_t>(status.st_mtim.tv_sec) &&
        (entry->second.nanoseconds == 0 ||
         entry->second.nanoseconds == static_cast<std::uint32_t>(status.st_mtim.tv_nsec));
    if (!is_same) changed.push_back(path);
  }
  return changed;
}

}  // namespace kitgen::cli
