// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace kitgen::cli {

/// An empty folder for one test, removed afterwards.
class TestFolder {
 public:
  TestFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "kitgen_XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TestFolder() { std::filesystem::remove_all(path_); }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;

  std::string path(const std::string& below = "") const {
    return below.empty() ? path_.string() : (path_ / below).string();
  }
  void write(const std::string& file, const std::string& text) const {
    std::filesystem::create_directories((path_ / file).parent_path());
    std::ofstream(path_ / file, std::ios::binary) << text;
  }
  std::string read(const std::string& file) const {
    std::ifstream stream(path_ / file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  bool has(const std::string& file) const { return std::filesystem::exists(path_ / file); }
  /// Every file below a folder outside .kit, with its text.
  std::map<std::string, std::string> tree(const std::string& below = "") const {
    std::map<std::string, std::string> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path(below))) {
      const std::string name = entry.path().lexically_relative(path(below)).generic_string();
      if (!entry.is_regular_file() || name.starts_with(".kit/")) continue;
      files[name] = read(below.empty() ? name : below + "/" + name);
    }
    return files;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace kitgen::cli
