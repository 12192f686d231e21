// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/static_files.hpp"

namespace kit::http {
namespace {

using Entry = std::pair<std::string_view, std::string_view>;

// Sorted by extension.
constexpr std::array types = std::to_array<Entry>({
    {"avif", "image/avif"},
    {"bmp", "image/bmp"},
    {"br", "application/octet-stream"},
    {"css", "text/css; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"},
    {"gif", "image/gif"},
    {"gz", "application/gzip"},
    {"htm", "text/html; charset=utf-8"},
    {"html", "text/html; charset=utf-8"},
    {"ico", "image/vnd.microsoft.icon"},
    {"jpeg", "image/jpeg"},
    {"jpg", "image/jpeg"},
    {"js", "text/javascript; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"md", "text/markdown; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"mp3", "audio/mpeg"},
    {"mp4", "video/mp4"},
    {"ogg", "audio/ogg"},
    {"otf", "font/otf"},
    {"pdf", "application/pdf"},
    {"png", "image/png"},
    {"svg", "image/svg+xml"},
    {"tar", "application/x-tar"},
    {"ttf", "font/ttf"},
    {"txt", "text/plain; charset=utf-8"},
    {"wasm", "application/wasm"},
    {"wav", "audio/wav"},
    {"webm", "video/webm"},
    {"webmanifest", "application/manifest+json"},
    {"webp", "image/webp"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
    {"xml", "application/xml"},
    {"yaml", "application/yaml"},
    {"yml", "application/yaml"},
    {"zip", "application/zip"},
    {"zst", "application/zstd"},
});
static_assert(std::ranges::is_sorted(types, {}, &Entry::first));

}  // namespace

std::string_view media_type_of(std::string_view file_name) {
  constexpr std::string_view unknown = "application/octet-stream";
  file_name.remove_prefix(file_name.rfind('/') + 1);
  const std::size_t dot = file_name.rfind('.');
  if (dot == std::string_view::npos) return unknown;
  const std::string extension = to_lower(file_name.substr(dot + 1));
  const auto* const found = std::ranges::lower_bound(types, extension, {}, &Entry::first);
  return found != types.end() && found->first == extension ? found->second : unknown;
}

bool has_content_hash(std::string_view file_name) {
  file_name.remove_prefix(file_name.rfind('/') + 1);
  std::size_t start = file_name.find_first_of(".-");
  while (start != std::string_view::npos) {
    const std::size_t end = file_name.find_first_of(".-", start + 1);
    if (end == std::string_view::npos) return false;  // the extension itself
    const std::string_view part = file_name.substr(start + 1, end - start - 1);
    bool has_letter = false;
    bool has_digit = false;
    const bool is_hex = std::ranges::all_of(part, [&](char c) {
      const bool is_digit = c >= '0' && c <= '9';
      (is_digit ? has_digit : has_letter) = true;
      return detail::hex_digit(c) >= 0;
    });
    // A day (20260304) has no letter, a word (facade) no digit.
    if (is_hex && has_letter && has_digit && part.size() >= 8 && part.size() <= 64 &&
        file_name[end] == '.')
      return true;
    start = end;
  }
  return false;
}

}  // namespace kit::http
