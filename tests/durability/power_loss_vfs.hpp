// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3_file;
struct sqlite3_vfs;

namespace kit::durability {

/// A disk in memory behind a SQLite VFS. What is written stands in the operating system's cache
/// until it is synced; when the power goes, every file falls back to what was synced, plus any
/// part of the rest: whole sectors, torn ones, in or out of order, or nothing. New and deleted
/// names are as uncertain until their folder is synced. Thread safety: any thread.
class PowerLossVfs {
 public:
  /// Registers itself under `name`. Lifetime: longer than every connection that uses it.
  PowerLossVfs(std::string name, std::uint64_t seed);
  ~PowerLossVfs();
  PowerLossVfs(const PowerLossVfs&) = delete;
  PowerLossVfs& operator=(const PowerLossVfs&) = delete;

  /// The power goes at the `operations`-th write, truncation, deletion or sync from now on; every
  /// access fails from then on.
  void lose_power_after(std::uint64_t operations);
  bool is_off() const;
  /// Starts the machine again, with what is left on the disk. No connection may be open.
  void power_on();
  /// Takes everything off the disk.
  void erase();
  std::uint64_t operations() const;

  struct Change;
  struct File;
  struct Handle;

 private:
  friend struct VfsMethods;

  bool step();
  void lose_power();
  void sync_folder();
  void crash(File& file);
  std::shared_ptr<File> find(std::string_view name);
  bool chance() { return (random_() & 1) != 0; }
  std::size_t below(std::size_t bound) {
    return std::uniform_int_distribution<std::size_t>(0, bound - 1)(random_);
  }

  const std::string name_;
  std::unique_ptr<sqlite3_vfs> vfs_;
  mutable std::recursive_mutex mutex_;
  std::mt19937_64 random_;
  std::map<std::string, std::shared_ptr<File>, std::less<>> files_;
  std::uint64_t operations_ = 0;
  std::uint64_t lose_at_ = 0;
  bool off_ = false;
};

}  // namespace kit::durability
