// SPDX-License-Identifier: Apache-2.0
#include "kitgen/cli/merge.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "kitgen/cli/lines.hpp"

namespace kitgen::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

Merged merged(std::string_view before, std::string_view yours, std::string_view now) {
  auto result = merge({.before = before, .yours = yours, .now = now});
  EXPECT_TRUE(result.ok());
  return std::move(*result);
}

void check(std::string_view before, std::string_view yours, std::string_view now,
           std::string_view wanted) {
  const Merged result = merged(before, yours, now);
  EXPECT_EQ(result.text, wanted);
  EXPECT_THAT(result.conflicts, IsEmpty());
}

TEST(Merge, takes_what_one_side_changed) {
  check("a\nb\nc\n", "a\nb\nc\n", "a\nx\nc\n", "a\nx\nc\n");
  check("a\nb\nc\n", "a\ny\nc\n", "a\nb\nc\n", "a\ny\nc\n");
  check("a\nb\nc\n", "a\ny\nc\n", "a\ny\nc\n", "a\ny\nc\n");
  check("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", "A\nb\nc\nd\nE\n");
  check("a\nb\nc\n", "a\nb\nmine\nc\n", "new\na\nb\nc\n", "new\na\nb\nmine\nc\n");
  check("a\nb\nc\nd\n", "b\nc\nd\n", "a\nb\nc\n", "b\nc\n");
  check("", "", "a\n", "a\n");
}

TEST(Merge, marks_only_the_place_that_both_changed) {
  const Merged result = merged("a\nb\nc\nd\ne\n", "a\nmine\nc\nd\ne\n", "a\nkit's\nc\nd\nE\n");
  EXPECT_EQ(result.text,
            "a\n<<<<<<< yours\nmine\n||||||| before\nb\n=======\nkit's\n>>>>>>> kitgen\nc\nd\nE\n");
  EXPECT_THAT(result.conflicts, ElementsAre(LineRange{2, 8}));
  EXPECT_EQ(find_marker(result.text), 2U);
}

TEST(Merge, what_both_added_alike_stands_outside_the_markers) {
  const Merged result = merged("a\nz\n", "a\nsame\nmine\nend\nz\n", "a\nsame\nkit's\nend\nz\n");
  EXPECT_EQ(result.text,
            "a\nsame\n<<<<<<< yours\nmine\n||||||| before\n=======\nkit's\n>>>>>>> "
            "kitgen\nend\nz\n");
}

TEST(Merge, neighbouring_changes_are_a_conflict) {
  EXPECT_THAT(merged("a\nb\n", "A\nb\n", "a\nB\n").conflicts, ElementsAre(LineRange{1, 10}));
}

/// The place of lines that were only put in is certain, next to changed lines too.
TEST(Merge, lines_put_beside_changed_ones_are_no_conflict) {
  check("a\nb\nz\n", "a\nB\nz\n", "a\nnew\nb\nz\n", "a\nnew\nB\nz\n");
  check("a\nb\nz\n", "a\nB\nz\n", "a\nb\nnew\nz\n", "a\nB\nnew\nz\n");
  check("a\nb\nc\nz\n", "a\nB\nC\nz\n", "a\n1\nb\nc\n2\nz\n", "a\n1\nB\nC\n2\nz\n");
  check("a\nb\nz\n", "a\nz\n", "a\nnew\nb\nz\n", "a\nnew\nz\n");
  check("a\nb\nz\n", "a\nb\nmine\nz\n", "a\nz\n", "a\nmine\nz\n");
  // In the middle of changed lines, or both at one place, it is one.
  EXPECT_FALSE(merged("b\nc\n", "B\nC\n", "b\nnew\nc\n").conflicts.empty());
  EXPECT_FALSE(merged("a\nz\n", "a\nmine\nz\n", "a\nnew\nz\n").conflicts.empty());
}

TEST(Merge, lines_that_kitgen_drops_stay_when_they_were_edited) {
  const Merged result = merged("a\nb\nc\nd\n", "a\nb\nmine\nd\n", "a\nd\n");
  EXPECT_EQ(result.text, "a\nb\nmine\nd\n");
  EXPECT_THAT(result.conflicts, IsEmpty());
  EXPECT_THAT(result.kept, ElementsAre(LineRange{2, 3}));
}

/// A new function that ends like the one above it is not mixed up with its last lines.
TEST(Merge, blocks_that_end_alike_stay_whole) {
  const std::string one = "int one() {\n  work();\n  commit();\n  return 0;\n}\n\n";
  const std::string mine = "int one() {\n  work();\n  log();\n  commit();\n  return 0;\n}\n\n";
  const std::string two = "int two() {\n  work();\n  commit();\n  return 0;\n}\n\n";
  check(one + "// end\n", mine + "// end\n", one + two + "// end\n", mine + two + "// end\n");
  check(one + two + "// end\n", mine + two + "// end\n", one + "// end\n", mine + "// end\n");
  check(one + "// end\n", mine + "// end\n", two + one + "// end\n", two + mine + "// end\n");
}

TEST(Merge, line_ends_are_those_of_the_person) {
  check("a\nb\nc\n", "a\r\nb\r\nc\r\n", "a\nx\nc\n", "a\r\nx\r\nc\r\n");
  check("a\nb\nc\n", "a\r\nb\r\nC\r\n", "x\na\nb\nc\n", "x\r\na\r\nb\r\nC\r\n");
  // A mixture stays one.
  check("a\nb\nc\n", "a\r\nb\nC\r\n", "x\na\nb\nc\n", "x\r\na\r\nb\nC\r\n");
  const Merged result = merged("a\nb\n", "a\r\nmine\r\n", "a\nkit's\n");
  EXPECT_EQ(result.text,
            "a\r\n<<<<<<< yours\r\nmine\r\n||||||| before\r\nb\r\n=======\r\nkit's\r\n>>>>>>> "
            "kitgen\r\n");
}

TEST(Merge, the_last_line_may_have_no_end) {
  check("a\nb\nc\n", "a\nb\nc", "x\na\nb\nc\n", "x\na\nb\nc");
  check("a\nb\nc", "y\na\nb\nc", "a\nb\nc\n", "y\na\nb\nc\n");
  check("a\nb\nc\n", "A\nb\nc", "a\nb\nc\nd\n", "A\nb\nc\nd");
}

TEST(Merge, a_byte_order_mark_stays) {
  check("a\nb\nc\n",
        "\xEF\xBB\xBF"
        "a\nb\nC\n",
        "A\nb\nc\n",
        "\xEF\xBB\xBF"
        "A\nb\nC\n");
}

TEST(Merge, other_encodings_pass_as_bytes) {
  check("a\nb\nc\n", "a\nb\nf\xFC\xDF\x80\n", "A\nb\nc\n", "A\nb\nf\xFC\xDF\x80\n");
  using namespace std::string_view_literals;
  const auto refused = merge({.before = "a\nb\n", .yours = "a\0\nb\n"sv, .now = "x\n"});
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message(), HasSubstr("NUL bytes"));
  // Nothing to merge, nothing to refuse.
  EXPECT_TRUE(merge({.before = "a\n", .yours = "a\0\n"sv, .now = "a\n"}).ok());
}

TEST(Merge, size_is_limited) {
  const auto lines = [](std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) text += "x\n";
    return text;
  };
  const auto try_merge = [](const std::string& yours) {
    return merge({.before = "b\na\n", .yours = yours, .now = "c\na\n"});
  };
  EXPECT_TRUE(try_merge(lines(max_merge_lines)).ok());
  EXPECT_THAT(try_merge(lines(max_merge_lines + 1)).error().message(), HasSubstr("too large"));
  EXPECT_TRUE(try_merge(std::string(max_merge_bytes, 'x')).ok());
  EXPECT_THAT(try_merge(std::string(max_merge_bytes + 1, 'x')).error().message(),
              HasSubstr("too large"));
}

TEST(Merge, finds_markers_and_nothing_else) {
  EXPECT_EQ(find_marker("a\n=======\n// <<<<<<< yours\n<<<<<<<<\n"), std::nullopt);
  EXPECT_EQ(find_marker("a\n>>>>>>> kitgen\n"), 2U);
  EXPECT_EQ(find_marker("\xEF\xBB\xBF<<<<<<< yours\r\n"), 1U);
  // A text about conflicts, or one of git's.
  EXPECT_EQ(find_marker("<<<<<<< HEAD\n||||||| base\n=======\n>>>>>>> main\n<<<<<<< \n"),
            std::nullopt);
  EXPECT_EQ(find_marker("||||||| before"), 1U);
}

/// A hostile text costs no more than its share of work, and the result is still a right one.
TEST(MatchLines, work_is_bounded) {
  std::mt19937 random(7);
  std::string before;
  std::string yours;
  for (int i = 0; i < 60'000; ++i) {
    before += random() % 2 == 0 ? "}\n" : "\n";
    yours += random() % 2 == 0 ? "}\n" : "\n";
  }
  const Merged result = merged(before, yours, before + "new\n");
  EXPECT_FALSE(result.text.empty());
  // Each level of the search sees the pieces of the one above.
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += std::to_string(i * 7919 % 20'000) + "\n";
  std::string turned;
  for (int i = 20'000; i-- > 0;) turned += std::to_string(i * 7919 % 20'000) + "\n";
  EXPECT_FALSE(merged(nested, turned, nested + "new\n").text.empty());
}

TEST(MatchLines, pairs_are_equal_and_never_cross) {
  std::mt19937 random(3);
  for (int round = 0; round < 2000; ++round) {
    const auto text = [&] {
      std::vector<std::string_view> lines(random() % 12);
      static constexpr std::string_view kinds[] = {"a", "b", "c", "d", "e", "f"};
      for (auto& line : lines) line = kinds[random() % std::size(kinds)];
      return lines;
    };
    const auto a = text();
    const auto b = text();
    const auto match = match_lines(a, b);
    std::size_t next = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (match[i] == unmatched) continue;
      ASSERT_LT(match[i], b.size());
      EXPECT_EQ(a[i], b[match[i]]);
      EXPECT_GE(match[i], next);
      next = match[i] + 1;
    }
  }
}

TEST(MatchLines, finds_the_shortest_script_where_no_line_is_unique) {
  const auto count = [](std::string_view a, std::string_view b) {
    const auto letters = [](std::string_view text) {
      std::vector<std::string_view> lines;
      for (std::size_t i = 0; i < text.size(); ++i) lines.push_back(text.substr(i, 1));
      return lines;
    };
    const auto match = match_lines(letters(a), letters(b));
    return match.size() - static_cast<std::size_t>(std::ranges::count(match, unmatched));
  };
  // The example of Myers' paper; every letter of "cbabac" occurs twice somewhere.
  EXPECT_EQ(count("abcabba", "cbabac"), 4U);
  EXPECT_EQ(count("aabb", "bbaa"), 2U);
  EXPECT_EQ(count("xxyyxxyy", "yyxx"), 4U);
}

/// Random texts of few kinds of lines and random edits of them.
class RandomEdits : public testing::Test {
 protected:
  using Text = std::vector<std::string>;

  Text base() {
    Text lines(random_() % 40);
    for (std::string& line : lines) line = kinds[random_() % std::size(kinds)];
    return lines;
  }
  Text edited(Text lines, std::string_view by) {
    for (std::size_t i = random_() % 5; i > 0; --i) {
      const std::size_t at = random_() % (lines.size() + 1);
      const auto place = lines.begin() + static_cast<std::ptrdiff_t>(at);
      const std::string text = std::string(by) + std::to_string(random_() % 4);
      if (const auto what = random_() % 3; what == 0 || at == lines.size()) {
        lines.insert(place, text);
      } else if (what == 1) {
        *place = text;
      } else {
        lines.erase(place);
      }
    }
    return lines;
  }
  static std::string joined(const Text& lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
  }
  static std::map<std::string_view, int> counted(std::string_view text) {
    std::map<std::string_view, int> counts;
    for (const Line& line : split_lines(text)) ++counts[line.text];
    return counts;
  }

  static constexpr const char* kinds[] = {"{", "}", "", "return;", "one", "two", "three"};
  std::mt19937 random_{11};
};

TEST_F(RandomEdits, obey_the_laws_of_a_merge) {
  int conflicts = 0;
  int one_sided = 0;
  for (int round = 0; round < 6'000; ++round) {
    const Text lines = base();
    const std::string b = joined(lines);
    const std::string x = joined(edited(lines, "x"));
    const std::string y = joined(edited(lines, "y"));
    ASSERT_EQ(merged(b, b, x).text, x);
    ASSERT_EQ(merged(b, x, b).text, x);
    ASSERT_EQ(merged(b, x, x).text, x);
    ASSERT_EQ(merged(b, x + "\r\n", b).conflicts.size(), 0U);
    const Merged forth = merged(b, x, y);
    const Merged back = merged(b, y, x);
    const bool is_clean = forth.conflicts.empty() && forth.kept.empty() && back.kept.empty();
    // Paragraphs that only kitgen dropped go beside a change too; what you deleted is yours to see.
    one_sided += is_clean && !back.conflicts.empty() ? 1 : 0;
    if (is_clean && back.conflicts.empty()) {
      ASSERT_EQ(forth.text, back.text) << b << "--\n" << x << "--\n" << y;
    }
    ASSERT_EQ(forth.conflicts.empty(), find_marker(forth.text) == std::nullopt);
    conflicts += forth.conflicts.empty() ? 0 : 1;
    // What either side wrote itself is there, in the text or between markers.
    const auto found = counted(forth.text);
    for (const std::string& side : {x, y}) {
      for (const auto& [line, count] : counted(side)) {
        if (!line.starts_with("x") && !line.starts_with("y")) continue;
        ASSERT_GE(found.contains(line) ? found.at(line) : 0, 1) << line << "\n"
                                                                << b << "--\n"
                                                                << x << "--\n"
                                                                << y << "--\n"
                                                                << forth.text;
      }
    }
    // Taking one side of every conflict gives no line that nobody wrote.
    for (const auto& [line, count] : found) {
      const bool is_marker = line.starts_with("<<<<<<<") || line.starts_with("|||||||") ||
                             line.starts_with("=======") || line.starts_with(">>>>>>>");
      ASSERT_TRUE(is_marker || (b + x + y).find(line) != std::string::npos);
    }
  }
  EXPECT_LT(one_sided, 300);
  EXPECT_GT(conflicts, 300);
  EXPECT_LT(conflicts, 5'700);
}

/// Edits with an unchanged line between them never disturb each other.
TEST_F(RandomEdits, apart_from_each_other_commute) {
  for (int round = 0; round < 2'000; ++round) {
    Text lines(12 + random_() % 30);
    for (std::size_t i = 0; i < lines.size(); ++i) lines[i] = "line " + std::to_string(i);
    Text x = lines;
    Text y = lines;
    Text both = lines;
    std::vector<std::size_t> gone;
    for (std::size_t i = 1; i < lines.size(); i += 2 + random_() % 3) {
      Text& side = random_() % 2 == 0 ? x : y;
      const auto what = random_() % 3;
      std::string text = "new " + std::to_string(i);
      if (what == 0) text = lines[i] + "\n" + text;
      if (what == 2) text = "-";
      side[i] = text;
      both[i] = text;
    }
    const auto text = [](const Text& all) {
      std::string result;
      for (const std::string& line : all) result += line == "-" ? "" : line + "\n";
      return result;
    };
    check(text(lines), text(x), text(y), text(both));
    check(text(lines), text(y), text(x), text(both));
  }
}

}  // namespace
}  // namespace kitgen::cli
