// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/lines.hpp"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>

namespace kitgen::cli {
namespace {

using Ids = std::vector<std::uint32_t>;

/// Steps for one comparison; a page of code takes some thousands.
constexpr std::size_t max_work = 60'000'000;
/// Longest edit script looked for; its traces take about the square of it in bytes, twice.
constexpr std::ptrdiff_t max_edits = 1500;

/// A piece of both texts: [a0, a1) and [b0, b1).
struct Piece {
  std::size_t a0 = 0;
  std::size_t a1 = 0;
  std::size_t b0 = 0;
  std::size_t b1 = 0;
  bool empty() const { return a0 == a1 || b0 == b1; }
  std::size_t lines() const { return (a1 - a0) + (b1 - b0); }
};

class Matcher {
 public:
  Matcher(Ids a, Ids b, std::size_t kinds)
      : a_(std::move(a)), b_(std::move(b)), seen_(kinds), match_(a_.size(), unmatched) {}

  std::vector<std::size_t> match() {
    open_.push_back({0, a_.size(), 0, b_.size()});
    while (!open_.empty()) {
      Piece piece = open_.back();
      open_.pop_back();
      trim(piece);
      if (piece.empty() || !spend(piece.lines())) continue;
      if (!split_at_unique_lines(piece)) shortest_script(piece);
    }
    slide_down();
    return std::move(match_);
  }

 private:
  struct Seen {
    std::uint32_t in_a = 0;
    std::uint32_t in_b = 0;
    std::size_t at_b = 0;
  };

  bool spend(std::size_t steps) {
    if (steps > work_left_) return false;
    work_left_ -= steps;
    return true;
  }

  void trim(Piece& piece) {
    while (!piece.empty() && a_[piece.a0] == b_[piece.b0]) match_[piece.a0++] = piece.b0++;
    while (!piece.empty() && a_[piece.a1 - 1] == b_[piece.b1 - 1]) match_[--piece.a1] = --piece.b1;
  }

  /// The longest rising run of lines that occur once on each side; the gaps are looked at next.
  bool split_at_unique_lines(const Piece& piece) {
    for (std::size_t i = piece.a0; i < piece.a1; ++i) seen_[a_[i]] = {};
    for (std::size_t j = piece.b0; j < piece.b1; ++j) seen_[b_[j]] = {};
    for (std::size_t i = piece.a0; i < piece.a1; ++i) ++seen_[a_[i]].in_a;
    for (std::size_t j = piece.b0; j < piece.b1; ++j) {
      ++seen_[b_[j]].in_b;
      seen_[b_[j]].at_b = j;
    }
    struct Card {
      std::size_t a;
      std::size_t b;
      std::size_t before;
    };
    std::vector<Card> cards;
    std::vector<std::size_t> tops;  // of each pile, by index into `cards`
    for (std::size_t i = piece.a0; i < piece.a1; ++i) {
      const Seen& seen = seen_[a_[i]];
      if (seen.in_a != 1 || seen.in_b != 1) continue;
      const auto pile = std::ranges::lower_bound(tops, seen.at_b, {},
                                                 [&](std::size_t card) { return cards[card].b; });
      cards.push_back({i, seen.at_b, pile == tops.begin() ? unmatched : *(pile - 1)});
      if (pile == tops.end()) {
        tops.push_back(cards.size() - 1);
      } else {
        *pile = cards.size() - 1;
      }
    }
    if (tops.empty()) return false;
    Piece rest = piece;
    for (std::size_t card = tops.back(); card != unmatched; card = cards[card].before) {
      const auto [a, b, before] = cards[card];
      match_[a] = b;
      open_.push_back({a + 1, rest.a1, b + 1, rest.b1});
      rest.a1 = a;
      rest.b1 = b;
    }
    open_.push_back(rest);
    return true;
  }

  /// Myers' greedy algorithm; `traces[d]` is how far each diagonal got with d edits.
  void shortest_script(const Piece& piece) {
    const auto n = static_cast<std::ptrdiff_t>(piece.a1 - piece.a0);
    const auto m = static_cast<std::ptrdiff_t>(piece.b1 - piece.b0);
    std::vector<std::vector<std::int32_t>> traces;
    const std::ptrdiff_t most = std::min(n + m, max_edits);
    for (std::ptrdiff_t d = 0; d <= most; ++d) {
      std::vector<std::int32_t> furthest(static_cast<std::size_t>(d + 1));
      for (std::ptrdiff_t k = -d; k <= d; k += 2) {
        const auto [from, x0] = step(traces, d, k, n, m);
        std::ptrdiff_t x = x0;
        if (x < 0) {
          furthest[static_cast<std::size_t>((k + d) / 2)] = -1;
          continue;
        }
        const std::ptrdiff_t start = x;
        while (x < n && x - k < m && same(piece, x, x - k)) ++x;
        if (!spend(static_cast<std::size_t>(x - start) + 1)) return;
        furthest[static_cast<std::size_t>((k + d) / 2)] = static_cast<std::int32_t>(x);
        if (x == n && x - k == m) {
          traces.push_back(std::move(furthest));
          trace_back(piece, traces, k, n, m);
          return;
        }
      }
      traces.push_back(std::move(furthest));
    }
  }

  /// What was put in or taken out goes as far down as it can: a function that follows another one
  /// then begins with its own first line, not with the last lines that both end with, and so does
  /// not touch what was changed in those.
  void slide_down() {
    std::size_t j = 0;
    for (std::size_t i = 0; i < a_.size();) {
      if (match_[i] == unmatched) {
        i = slide_removed(i, j);
        continue;
      }
      if (match_[i] > j) slide_added(i, j);
      j = match_[i++] + 1;
    }
  }

  /// Lines [from, ...) of `a` that are gone, between matched ones. Gives the end of them.
  std::size_t slide_removed(std::size_t from, std::size_t j) {
    std::size_t end = from;
    while (end < a_.size() && match_[end] == unmatched) ++end;
    while (end < a_.size() && match_[end] == j && a_[from] == a_[end]) {
      match_[from++] = j++;
      match_[end++] = unmatched;
    }
    while (end < a_.size() && match_[end] == unmatched) ++end;
    return end;
  }

  /// Lines [from, match_[i]) of `b` that are new, before line i of `a`.
  void slide_added(std::size_t i, std::size_t from) {
    if (i > 0 && match_[i - 1] == unmatched) return;
    std::size_t end = match_[i];
    for (; i < a_.size() && match_[i] == end && b_[from] == b_[end]; ++i, ++end) match_[i] = from++;
  }

  bool same(const Piece& piece, std::ptrdiff_t x, std::ptrdiff_t y) const {
    return a_[piece.a0 + static_cast<std::size_t>(x)] == b_[piece.b0 + static_cast<std::size_t>(y)];
  }

  struct Step {
    std::ptrdiff_t from;  ///< The diagonal it comes from.
    std::ptrdiff_t x;     ///< Where it starts on its own; -1: outside.
  };
  using Traces = std::vector<std::vector<std::int32_t>>;

  static Step step(const Traces& traces, std::ptrdiff_t d, std::ptrdiff_t k, std::ptrdiff_t n,
                   std::ptrdiff_t m) {
    if (d == 0) return {0, 0};
    const auto reached = [&](std::ptrdiff_t diagonal) -> std::ptrdiff_t {
      if (diagonal < -(d - 1) || diagonal > d - 1) return -1;
      return traces[static_cast<std::size_t>(d - 1)]
                   [static_cast<std::size_t>((diagonal + d - 1) / 2)];
    };
    const auto inside = [&](std::ptrdiff_t x) {
      return x >= 0 && x <= n && x - k >= 0 && x - k <= m;
    };
    const std::ptrdiff_t down = reached(k + 1);
    const std::ptrdiff_t right = reached(k - 1) < 0 ? -1 : reached(k - 1) + 1;
    const std::ptrdiff_t x_down = inside(down) ? down : -1;
    const std::ptrdiff_t x_right = inside(right) ? right : -1;
    return x_down > x_right ? Step{k + 1, x_down} : Step{k - 1, x_right};
  }

  void trace_back(const Piece& piece, const Traces& traces, std::ptrdiff_t k, std::ptrdiff_t n,
                  std::ptrdiff_t m) {
    for (auto d = static_cast<std::ptrdiff_t>(traces.size()) - 1; d >= 0; --d) {
      const std::ptrdiff_t end =
          traces[static_cast<std::size_t>(d)][static_cast<std::size_t>((k + d) / 2)];
      const auto [from, start] = step(traces, d, k, n, m);
      for (std::ptrdiff_t x = start; x < end; ++x) {
        match_[piece.a0 + static_cast<std::size_t>(x)] = piece.b0 + static_cast<std::size_t>(x - k);
      }
      k = from;
    }
  }

  Ids a_;
  Ids b_;
  std::vector<Seen> seen_;  ///< By kind of line.
  std::vector<std::size_t> match_;
  std::vector<Piece> open_;
  std::size_t work_left_ = max_work;
};

}  // namespace

std::vector<Line> split_lines(std::string_view text) {
  std::vector<Line> lines;
  while (!text.empty()) {
    const std::size_t feed = text.find('\n');
    std::size_t length = std::min(feed, text.size());
    const std::size_t whole = feed == std::string_view::npos ? length : feed + 1;
    if (feed != std::string_view::npos && length > 0 && text[length - 1] == '\r') --length;
    lines.push_back({text.substr(0, length), text.substr(length, whole - length)});
    text.remove_prefix(whole);
  }
  return lines;
}

std::string plain_text(std::string_view text) {
  if (text.starts_with(utf8_bom)) text.remove_prefix(utf8_bom.size());
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    plain += text[i];
  }
  return plain;
}

std::string in_the_form_of(std::string_view model, std::string_view text) {
  std::string result(model.starts_with(utf8_bom) ? utf8_bom : std::string_view());
  std::size_t feeds = 0;
  std::size_t pairs = 0;
  for (const Line& line : split_lines(model)) {
    if (line.end.size() == 2) ++pairs;
    if (!line.end.empty()) ++feeds;
  }
  const bool is_crlf = pairs * 2 > feeds;
  for (const Line& line : split_lines(text)) {
    result += line.text;
    if (!line.end.empty()) result += is_crlf ? "\r\n" : "\n";
  }
  return result;
}

std::vector<std::size_t> match_lines(std::span<const std::string_view> a,
                                     std::span<const std::string_view> b) {
  std::map<std::string_view, std::uint32_t> kinds;
  const auto ids = [&](std::span<const std::string_view> lines) {
    Ids result;
    result.reserve(lines.size());
    for (const std::string_view line : lines) {
      result.push_back(kinds.emplace(line, static_cast<std::uint32_t>(kinds.size())).first->second);
    }
    return result;
  };
  Ids ids_a = ids(a);
  Ids ids_b = ids(b);
  return Matcher(std::move(ids_a), std::move(ids_b), kinds.size()).match();
}

}  // namespace kitgen::cli
