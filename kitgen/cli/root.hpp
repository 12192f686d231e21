// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"

namespace kitgen::cli {

/// An open descriptor.
class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor();
  int number() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

/// The folder of a project, and the only way to its files: paths are relative, with forward
/// slashes, and every step of them is a real folder below the root. A `..`, an absolute path or a
/// symbolic link on the way is refused, so nothing outside is ever read or written.
class Root {
 public:
  /// Fails when the folder is missing, is `/`, or is the home directory.
  static kit::Result<Root> open(const std::string& folder);

  const std::string& folder() const { return folder_; }  ///< Absolute, links resolved.

  /// Turns a path as given on the command line into one relative to the root: "" for the root
  /// itself. Fails when it leaves the root.
  kit::Result<std::string> relative(const std::string& path) const;

  /// The text of a file; nothing when there is none. Fails for whatever is no regular file.
  kit::Result<std::optional<std::string>> read(const std::string& path) const;
  /// Names in a folder, sorted; none when it is missing.
  kit::Result<std::vector<std::string>> list(const std::string& path) const;
  /// Permissions of a file, 0 to 0777; nothing when there is none.
  kit::Result<std::optional<unsigned>> permissions(const std::string& path) const;
  /// Whether a file can be put there: its folder, or the nearest one above that exists, is a real
  /// one and may be written, and what stands there can be replaced. Fails with `permission_denied`,
  /// `failed_precondition`.
  kit::Result<> check_place(const std::string& path) const;
  /// Writes a file that may exist, folders included. Not durable before `sync`. Without
  /// `permissions` it gets those that the umask leaves.
  kit::Result<> write(const std::string& path, std::string_view text, bool executable,
                      std::optional<unsigned> permissions = std::nullopt) const;
  /// Puts `from` into the place of `to`, whose folders are made. When a mount point stands between
  /// them, a copy beside `to` is made durable first.
  kit::Result<> rename(const std::string& from, const std::string& to) const;
  /// Removes a file, and the folders it leaves empty. A missing file is no failure.
  kit::Result<> remove(const std::string& path) const;
  /// Makes everything written so far survive a power loss.
  kit::Result<> sync() const;
  /// Keeps other runs out of this project until the descriptor is closed. Fails with `aborted`.
  kit::Result<Descriptor> lock(const std::string& path) const;

 private:
  Root(std::string folder, Descriptor descriptor)
      : folder_(std::move(folder)), descriptor_(std::move(descriptor)) {}
  /// The folder that holds the last part of `path`, and that part; no descriptor when a folder on
  /// the way is missing and not to be made.
  kit::Result<std::pair<Descriptor, std::string>> parent(const std::string& path, bool make) const;

  kit::Result<> copy_across(const std::string& from, const Descriptor& target,
                            const std::string& name, const std::string& to) const;

  std::string folder_;
  Descriptor descriptor_;
};

}  // namespace kitgen::cli
