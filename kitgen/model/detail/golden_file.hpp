// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

/// Golden cases of the schema: one text file with the input and the wanted text.
namespace kitgen::testing_files {

/// A file of three parts: a remark, the line `-- schema.yaml --` and the input, the line `-- wanted
/// --` and the text wanted. After `-- schema.yaml escaped --` the input holds \xNN escapes and
/// `{{repeat N text}}`, for what no text file should hold.
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

/// "012_unknown_type.txt" -> "Case012_unknown_type"
inline std::string test_name(const std::string& file) {
  return "Case" + file.substr(0, file.size() - 4);
}

}  // namespace kitgen::testing_files
