// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/written.hpp"

#include <charconv>
#include <optional>
#include <utility>

namespace kitgen::cli {
namespace {

constexpr std::string_view head = "kitgen written 1\n";

/// Takes what stands before the first `end`, and that too.
std::optional<std::string_view> take_until(std::string_view& rest, char end) {
  const std::size_t at = rest.find(end);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view taken = rest.substr(0, at);
  rest.remove_prefix(at + 1);
  return taken;
}

/// "12 internal/a.gen.hpp", and then as many bytes and a line end.
std::optional<std::pair<std::string_view, std::string_view>> take_text(std::string_view& rest) {
  const auto digits = take_until(rest, ' ');
  const auto path = take_until(rest, '\n');
  if (!digits || !path) return std::nullopt;
  std::size_t size = 0;
  const auto [end, code] = std::from_chars(digits->data(), digits->data() + digits->size(), size);
  const bool is_number = code == std::errc() && end == digits->data() + digits->size();
  if (!is_number || size >= rest.size() || rest[size] != '\n') return std::nullopt;
  const std::string_view text = rest.substr(0, size);
  rest.remove_prefix(size + 1);
  return std::pair(*path, text);
}

}  // namespace

WrittenTexts WrittenTexts::parse(std::string_view file) {
  WrittenTexts all;
  if (!file.starts_with(head)) return all;
  file.remove_prefix(head.size());
  while (!file.empty()) {
    const auto next = take_text(file);
    if (!next) return {};
    all.put(std::string(next->first), std::string(next->second));
  }
  return all;
}

std::string WrittenTexts::to_text() const {
  std::string file(head);
  for (const auto& [path, text] : texts_) {
    file.append(std::to_string(text.size())).append(" ").append(path).append("\n");
    file.append(text).append("\n");
    if (file.size() > max_bytes) return std::string(head);
  }
  return file;
}

const std::string* WrittenTexts::find(const std::string& path) const {
  const auto found = texts_.find(path);
  return found == texts_.end() ? nullptr : &found->second;
}

}  // namespace kitgen::cli
