// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kitgen/schema/include.hpp"

/// Golden cases of the schema: one text file with the input and the wanted text.
namespace kitgen::testing_files {

/// A file of three parts: a remark, the line `-- schema.yaml --` and the input, the line `-- wanted
/// --` and the text wanted. After `-- schema.yaml escaped --` the input holds \xNN escapes and
/// `{{repeat N text}}`, for what no text file should hold. Files that the input includes follow it,
/// each behind a line `-- sales/invoice.yaml --`.
class GoldenFile {
 public:
  static GoldenFile read(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    std::stringstream text;
    text << stream.rdbuf();
    GoldenFile file;
    file.all_ = text.str();
    const std::size_t plain = file.all_.find(plain_mark);
    const std::size_t escaped = file.all_.find(escaped_mark);
    file.is_escaped_ = escaped < plain;
    file.input_at_ = file.is_escaped_ ? escaped + escaped_mark.size() : plain + plain_mark.size();
    file.wanted_at_ = std::min(file.all_.find(wanted_mark, file.input_at_), file.all_.size());
    return file;
  }

  /// The included files of an input, taken out of it.
  static std::map<std::string, std::string> take_files(std::string& input) {
    std::map<std::string, std::string> files;
    std::size_t end = input.size();
    for (std::size_t at = input.rfind("-- "); at != std::string::npos && at > 0;
         at = at == 0 ? std::string::npos : input.rfind("-- ", at - 1)) {
      const std::size_t line_end = input.find('\n', at);
      const std::string line = input.substr(at, line_end - at);
      if (input[at - 1] != '\n' || !line.ends_with(" --")) continue;
      files[line.substr(3, line.size() - 6)] = input.substr(line_end + 1, end - line_end - 1);
      end = at;
    }
    input.resize(end);
    return files;
  }

  std::string input() const {
    const std::string text = all_.substr(input_at_, wanted_at_ - input_at_);
    return is_escaped_ ? expand(text) : text;
  }

  std::string wanted() const {
    return wanted_at_ < all_.size() ? all_.substr(wanted_at_ + wanted_mark.size()) : std::string();
  }

  void write(const std::string& path, const std::string& text) const {
    std::ofstream stream(path, std::ios::binary);
    stream << all_.substr(0, wanted_at_) << wanted_mark << text;
  }

 private:
  static constexpr std::string_view plain_mark = "-- schema.yaml --\n";
  static constexpr std::string_view escaped_mark = "-- schema.yaml escaped --\n";
  static constexpr std::string_view wanted_mark = "-- wanted --\n";
  static constexpr std::string_view repeat_mark = "{{repeat ";

  static std::string expand(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size();) {
      if (text.substr(i, 2) == "\\x") {
        out += static_cast<char>(std::stoi(std::string(text.substr(i + 2, 2)), nullptr, 16));
        i += 4;
      } else if (text.substr(i).starts_with(repeat_mark)) {
        const std::size_t end = text.find("}}", i);
        const std::string inner(text.substr(i + repeat_mark.size(), end - i - repeat_mark.size()));
        const std::size_t blank = inner.find(' ');
        const std::string piece = expand(inner.substr(blank + 1));
        for (int n = std::stoi(inner.substr(0, blank)); n > 0; --n) out += piece;
        i = end + 2;
      } else {
        out += text[i++];
      }
    }
    return out;
  }

  std::string all_;
  std::size_t input_at_ = 0;
  std::size_t wanted_at_ = 0;
  bool is_escaped_ = false;
};

inline std::vector<std::string> files_in(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".txt") files.push_back(entry.path().filename().string());
  }
  std::ranges::sort(files);
  return files;
}

/// Files of a schema in memory.
class MemoryFiles final : public schema::Files {
 public:
  explicit MemoryFiles(std::map<std::string, std::string> files) : files_(std::move(files)) {}

  kit::Result<std::string> read(const std::string& path) const override {
    const auto found = files_.find(path);
    if (found == files_.end()) return kit::Error(kit::Code::not_found, "there is no such file");
    return found->second;
  }

  kit::Result<std::vector<std::string>> list(const std::string& folder) const override {
    std::vector<std::string> names;
    for (const auto& [path, text] : files_) {
      const std::size_t slash = path.rfind('/');
      if (path.substr(0, slash == std::string::npos ? 0 : slash) == folder)
        names.push_back(path.substr(slash + 1));
    }
    if (names.empty()) return kit::Error(kit::Code::not_found, "there is no such folder");
    return names;
  }

 private:
  std::map<std::string, std::string> files_;
};

/// "012_unknown_type.txt" -> "Case012_unknown_type"
inline std::string test_name(const std::string& file) {
  return "Case" + file.substr(0, file.size() - 4);
}

}  // namespace kitgen::testing_files
