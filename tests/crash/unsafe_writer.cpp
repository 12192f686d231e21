// SPDX-License-Identifier: Apache-2.0
// Writers that do the same work without any care; the test has to find that out.
#include <filesystem>

#include "tests/crash/database.hpp"
#include "tests/crash/scenario.hpp"
#include "tests/crash/tree.hpp"

namespace kit::crash {
namespace {

namespace fs = std::filesystem;

/// Writes the new tree over the old one, file by file.
int copy(const std::string& from, const std::string& to) {
  const Tree wanted = tree_of(from);
  for (const auto& [path, sum] : wanted) {
    if (!sum.ends_with("folder")) write_file(fs::path(to) / path, read_file(fs::path(from) / path));
  }
  for (const auto& [path, sum] : tree_of(to)) {
    if (!wanted.contains(path)) fs::remove(fs::path(to) / path);
  }
  return 0;
}

/// Each statement is a transaction of its own.
int run_statements(const std::string& path, const std::string& file) {
  Database(path).run(read_file(file));
  return 0;
}

}  // namespace

int unsafe_writer(const std::vector<std::string>& words) {
  if (words.size() != 3) return 2;
  return words[0] == "--unsafe-writer=copy" ? copy(words[1], words[2])
                                            : run_statements(words[1], words[2]);
}

}  // namespace kit::crash
