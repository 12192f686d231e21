// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/merge.hpp"

#include <algorithm>
#include <span>

#include "kitgen/cli/lines.hpp"

namespace kitgen::cli {
namespace {

using kit::Code;
using kit::Error;
using kit::Result;

using Lines = std::span<const Line>;

constexpr std::string_view mark_yours = "<<<<<<< yours";
constexpr std::string_view mark_before = "||||||| before";
constexpr std::string_view mark_kitgen = ">>>>>>> kitgen";

bool same(Lines a, Lines b) {
  return std::ranges::equal(a, b, {}, &Line::text, &Line::text);
}

std::string_view without_bom(std::string_view text) {
  if (text.starts_with(utf8_bom)) text.remove_prefix(utf8_bom.size());
  return text;
}

/// What a yes or no of three texts becomes: the side that changed it wins.
bool merged_flag(bool before, bool yours, bool now) {
  return yours != before ? yours : now;
}

bool ends_its_line(std::string_view text) {
  return text.empty() || text.ends_with('\n');
}

class Merger {
 public:
  explicit Merger(const MergeInput& input)
      : input_(input),
        before_(split_lines(without_bom(input.before))),
        yours_(split_lines(without_bom(input.yours))),
        now_(split_lines(without_bom(input.now))) {}

  Merged merge() {
    const auto yours_at = matches(yours_);
    const auto now_at = matches(now_);
    Region region;
    for (std::size_t i = 0; i <= before_.size(); ++i) {
      const bool is_end = i == before_.size();
      // A line that both still have holds the three texts together.
      if (!is_end && (yours_at[i] == unmatched || now_at[i] == unmatched)) continue;
      region.before.end = i;
      region.yours.end = is_end ? yours_.size() : yours_at[i];
      region.now.end = is_end ? now_.size() : now_at[i];
      resolve(region, yours_at, now_at);
      if (is_end) break;
      put(yours_[region.yours.end]);
      for (Range* range : {&region.before, &region.yours, &region.now}) {
        range->begin = range->end + 1;
      }
    }
    return finish();
  }

 private:
  struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t size() const { return end - begin; }
  };
  /// What stands between two lines that all have.
  struct Region {
    Range before;
    Range yours;
    Range now;
  };
  /// Lines of one side around lines that it left as they were.
  struct Around {
    Lines above;
    Lines below;
  };
  using Matches = std::vector<std::size_t>;

  static Lines piece(const std::vector<Line>& lines, Range range) {
    return Lines(lines).subspan(range.begin, range.size());
  }

  /// Nothing when the side did more than put lines above and below the whole of `before`.
  static std::optional<Around> around(Range before, const Matches& match, Lines side, Range range) {
    if (before.size() == 0) return std::nullopt;
    const std::size_t first = match[before.begin];
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (first == unmatched || match[before.begin + i] != first + i) return std::nullopt;
    }
    return Around{side.first(first - range.begin), side.last(range.end - first - before.size())};
  }

  Matches matches(const std::vector<Line>& other) const {
    const auto texts = [](const std::vector<Line>& lines) {
      std::vector<std::string_view> result;
      result.reserve(lines.size());
      for (const Line& line : lines) result.push_back(line.text);
      return result;
    };
    return match_lines(texts(before_), texts(other));
  }

  void put(const Line& line) { out_.push_back(line); }
  void put(Lines lines) { out_.insert(out_.end(), lines.begin(), lines.end()); }
  /// kitgen's own line ends do not count: these take those of the person.
  void put_now(Lines lines) {
    for (const Line& line : lines) put({line.text, ""});
  }

  /// Where the paragraph ends that begins at `begin`: after the blank lines that follow it.
  std::size_t paragraph_end(std::size_t begin, std::size_t end) const {
    std::size_t i = begin;
    while (i < end && before_[i].text.empty()) ++i;
    while (i < end && !before_[i].text.empty()) ++i;
    while (i < end && before_[i].text.empty()) ++i;
    return i;
  }
  static bool is_intact(Range before, const Matches& yours_at) {
    for (std::size_t i = before.begin; i < before.end; ++i) {
      const bool follows = i == before.begin || yours_at[i] == yours_at[i - 1] + 1;
      if (yours_at[i] == unmatched || !follows) return false;
    }
    return true;
  }
  static bool is_gone(Range before, const Matches& now_at) {
    for (std::size_t i = before.begin; i < before.end; ++i) {
      if (now_at[i] != unmatched) return false;
    }
    return true;
  }

  /// How far paragraphs reach from the beginning that kitgen dropped and put nothing in the place
  /// of.
  std::size_t dropped_above(const Region& region, const Matches& yours_at,
                            const Matches& now_at) const {
    const Range& all = region.before;
    std::size_t end = all.begin;
    std::size_t untouched = all.begin;
    for (;;) {
      const Range part{end, paragraph_end(end, all.end)};
      if (part.end >= all.end || !is_gone(part, now_at)) break;
      end = part.end;
      // As they stand first on your side, nothing of kitgen's can belong above them.
      const bool is_first = yours_at[all.begin] == region.yours.begin;
      if (is_first && is_intact({all.begin, end}, yours_at)) untouched = end;
    }
    if (end == all.begin) return end;
    const bool is_certain = now_at[end] == region.now.begin && yours_at[end - 1] != unmatched;
    return is_certain ? end : untouched;
  }

  /// Where such paragraphs begin that reach to the end.
  std::size_t dropped_below(const Region& region, const Matches& yours_at,
                            const Matches& now_at) const {
    const Range& all = region.before;
    std::size_t begin = all.end;
    for (std::size_t at = all.begin; at < all.end;) {
      const std::size_t end = paragraph_end(at, all.end);
      if (at == all.begin || !is_gone({at, end}, now_at)) {
        begin = all.end;
      } else if (begin == all.end) {
        begin = at;
      }
      at = end;
    }
    if (begin == all.end || yours_at[begin - 1] == unmatched) return all.end;
    const bool is_last = yours_at[all.end - 1] + 1 == region.yours.end;
    const bool is_untouched = is_last && is_intact({begin - 1, all.end}, yours_at);
    return is_untouched || now_at[begin - 1] + 1 == region.now.end ? begin : all.end;
  }

  /// kitgen dropped all of it: paragraphs that you left alone go, the rest stays.
  void drop(const Region& region, const Matches& yours_at) {
    std::size_t at = region.yours.begin;
    bool was_edited = false;
    const auto keep = [&](std::size_t end, bool is_named) {
      const Lines lines = piece(yours_, {at, end});
      if (is_named && !lines.empty())
        merged_.kept.push_back({out_.size() + 1, out_.size() + lines.size()});
      put(lines);
    };
    for (std::size_t begin = region.before.begin; begin < region.before.end;) {
      const Range part{begin, paragraph_end(begin, region.before.end)};
      begin = part.end;
      if (!is_intact(part, yours_at)) {
        was_edited = true;
        continue;
      }
      const std::size_t found = yours_at[part.begin];
      // A comment right above what goes.
      const bool belongs = found > at && !yours_[found - 1].text.empty();
      keep(found, was_edited || belongs);
      at = found + part.size();
      was_edited = false;
    }
    keep(region.yours.end, was_edited);
  }

  /// What kitgen dropped above and below is looked at on its own: it must not make a conflict of
  /// what you wrote beside it.
  void resolve(Region region, const Matches& yours_at, const Matches& now_at) {
    if (region.now.size() == 0) {
      drop(region, yours_at);
      return;
    }
    if (const std::size_t end = dropped_above(region, yours_at, now_at);
        end != region.before.begin) {
      const std::size_t split = yours_at[end - 1] + 1;
      drop({{region.before.begin, end}, {region.yours.begin, split}, {}}, yours_at);
      region.before.begin = end;
      region.yours.begin = split;
    }
    Region below = region;
    below.before.begin = dropped_below(region, yours_at, now_at);
    below.yours.begin = region.yours.end;
    if (below.before.size() > 0) below.yours.begin = yours_at[below.before.begin - 1] + 1;
    region.before.end = below.before.begin;
    region.yours.end = below.yours.begin;
    settle(region, yours_at, now_at);
    if (below.before.size() > 0) drop(below, yours_at);
  }

  void settle(const Region& region, const Matches& yours_at, const Matches& now_at) {
    const Lines before = piece(before_, region.before);
    const Lines yours = piece(yours_, region.yours);
    const Lines now = piece(now_, region.now);
    if (same(now, before) || same(yours, now)) {
      put(yours);
    } else if (same(yours, before)) {
      put_now(now);
    } else if (const auto added = around(region.before, now_at, now, region.now)) {
      // Its place is certain: right above or below what the other side changed.
      put_now(added->above);
      put(yours);
      put_now(added->below);
    } else if (const auto mine = around(region.before, yours_at, yours, region.yours)) {
      put(mine->above);
      put_now(now);
      put(mine->below);
    } else {
      conflict(before, yours, now);
    }
  }

  void conflict(Lines before, Lines yours, Lines now) {
    // What both begin or end with is agreed.
    const auto text_equal = [](const Line& a, const Line& b) { return a.text == b.text; };
    const auto head =
        static_cast<std::size_t>(std::ranges::mismatch(yours, now, text_equal).in1 - yours.begin());
    put(yours.first(head));
    yours = yours.subspan(head);
    now = now.subspan(head);
    std::size_t tail = 0;
    while (tail < std::min(yours.size(), now.size()) &&
           text_equal(yours[yours.size() - 1 - tail], now[now.size() - 1 - tail])) {
      ++tail;
    }
    const Lines agreed = yours.last(tail);
    const std::size_t first = out_.size() + 1;
    put({mark_yours, ""});
    put(yours.first(yours.size() - tail));
    put({mark_before, ""});
    put_now(before);
    put({"=======", ""});
    put_now(now.first(now.size() - tail));
    put({mark_kitgen, ""});
    merged_.conflicts.push_back({first, out_.size()});
    put(agreed);
  }

  Merged finish() {
    const std::string end = usual_end();
    const bool has_bom =
        merged_flag(input_.before.starts_with(utf8_bom), input_.yours.starts_with(utf8_bom),
                    input_.now.starts_with(utf8_bom));
    if (has_bom) merged_.text += utf8_bom;
    for (std::size_t i = 0; i < out_.size(); ++i) {
      merged_.text += out_[i].text;
      const bool is_last = i + 1 == out_.size();
      const bool is_marker = !merged_.conflicts.empty() && merged_.conflicts.back().last == i + 1;
      const bool is_ended = !is_last || is_marker ||
                            merged_flag(ends_its_line(input_.before), ends_its_line(input_.yours),
                                        ends_its_line(input_.now));
      if (is_ended) merged_.text += out_[i].end.empty() ? end : out_[i].end;
    }
    return std::move(merged_);
  }

  /// The line end that most lines of the person have.
  std::string usual_end() const {
    const auto pairs = std::ranges::count(yours_, "\r\n", &Line::end);
    const auto feeds = std::ranges::count(yours_, "\n", &Line::end);
    return pairs > feeds ? "\r\n" : "\n";
  }

  const MergeInput& input_;
  std::vector<Line> before_;
  std::vector<Line> yours_;
  std::vector<Line> now_;
  std::vector<Line> out_;
  Merged merged_;
};

}  // namespace

Result<Merged> merge(const MergeInput& input) {
  if (input.yours == input.now || input.before == input.now) {
    return Merged{std::string(input.yours), {}, {}};
  }
  if (input.yours == input.before) return Merged{std::string(input.now), {}, {}};
  for (const std::string_view text : {input.before, input.yours, input.now}) {
    const auto lines = static_cast<std::size_t>(std::ranges::count(text, '\n'));
    if (text.size() > max_merge_bytes || lines > max_merge_lines) {
      return Error(Code::resource_exhausted, "it is too large to be merged (at most " +
                                                 std::to_string(max_merge_lines) + " lines and " +
                                                 std::to_string(max_merge_bytes >> 20) + " MiB)");
    }
    if (text.find('\0') != std::string_view::npos) {
      return Error(Code::invalid_argument, "it has NUL bytes, so it is not text in UTF-8");
    }
  }
  return Merger(input).merge();
}

std::optional<std::size_t> find_marker(std::string_view text) {
  const std::vector<Line> lines = split_lines(without_bom(text));
  for (std::size_t i = 0; i < lines.size(); ++i) {
    for (const std::string_view mark : {mark_yours, mark_before, mark_kitgen}) {
      if (lines[i].text == mark) return i + 1;
    }
  }
  return std::nullopt;
}

}  // namespace kitgen::cli
