// SPDX-License-Identifier: Apache-2.0
#include "tests/crash/tree.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

#include "kit/base/sha256.hpp"

namespace kit::crash {
namespace fs = std::filesystem;

Tree tree_of(const std::string& folder) {
  Tree tree;
  if (!fs::exists(folder)) return tree;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().lexically_relative(folder).generic_string();
    if (name == ".kit/lock" || name.starts_with(".kit/stage") || name == ".kit/journal.json") {
      continue;
    }
    const auto mode = static_cast<unsigned>(entry.symlink_status().permissions());
    tree[name] = std::to_string(mode) + " " +
                 (entry.is_directory() ? "folder" : sha256_hex(read_file(entry.path())));
  }
  return tree;
}

std::string difference(const Tree& a, const Tree& b) {
  for (const auto& [path, sum] : a) {
    const auto found = b.find(path);
    if (found == b.end() || found->second != sum) return path;
  }
  for (const auto& [path, sum] : b) {
    if (!a.contains(path)) return path;
  }
  return "";
}

void copy_folder(const std::string& from, const std::string& to) {
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
}

void write_file(const std::string& path, const std::string& text) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary) << text;
}

std::string read_file(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace kit::crash
