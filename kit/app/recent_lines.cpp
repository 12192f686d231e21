// SPDX-License-Identifier: Apache-2.0
#include "kit/app/recent_lines.hpp"

#include <utility>

namespace kit::app {
namespace {

/// Without what a terminal takes for colours: ESC [ ... m.
std::string without_colours(std::string_view line) {
  std::string plain;
  while (!line.empty()) {
    const std::size_t escape = line.find("\x1b[");
    plain.append(line.substr(0, escape));
    if (escape == std::string_view::npos) break;
    const std::size_t end = line.find('m', escape);
    line.remove_prefix(end == std::string_view::npos ? line.size() : end + 1);
  }
  return plain;
}

void find_lines(std::string_view text, std::string_view part, std::vector<std::string>& found) {
  std::size_t at = 0;
  while ((at = text.find(part, at)) != std::string_view::npos) {
    const std::size_t before = text.rfind('\n', at);
    const std::size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const std::size_t end = std::min(text.find('\n', at), text.size());
    found.push_back(without_colours(text.substr(begin, end - begin)));
    at = end;
  }
}

}  // namespace

RecentLines::RecentLines(std::shared_ptr<log::Sink> inner, std::size_t bytes)
    : inner_(std::move(inner)), half_(bytes / 2) {}

bool RecentLines::write(std::string_view lines) {
  {
    const std::lock_guard lock(mutex_);
    if (newer_.size() + lines.size() > half_) {
      older_.swap(newer_);
      newer_.clear();
    }
    if (lines.size() <= half_) newer_.append(lines);
  }
  return inner_->write(lines);
}

std::vector<std::string> RecentLines::of_trace(std::string_view trace_id, std::size_t most) const {
  std::vector<std::string> found;
  if (trace_id.empty()) return found;
  {
    const std::lock_guard lock(mutex_);
    find_lines(older_, trace_id, found);
    find_lines(newer_, trace_id, found);
  }
  if (found.size() > most) {
    found.erase(found.begin(), found.end() - static_cast<std::ptrdiff_t>(most));
  }
  return found;
}

}  // namespace kit::app
