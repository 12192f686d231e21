// SPDX-License-Identifier: Apache-2.0
#include "kit/base/text_writer.hpp"

#include <gtest/gtest.h>

#include <array>

#include "kit/base/digits.hpp"

namespace kit {
namespace {

TEST(TextWriter, AppendsBehindWhatIsThere) {
  std::string out = "head ";
  {
    TextWriter writer(out);
    EXPECT_EQ(writer.size(), 5u);
    writer.append("and");
    writer.append({});
    writer.push_back(' ');
    char* to = writer.room(100);
    to[0] = 'x';
    writer.advance_to(to + 1);
    EXPECT_EQ(writer.size(), 10u);
  }
  EXPECT_EQ(out, "head and x");
  {
    TextWriter unused(out);
  }
  EXPECT_EQ(out, "head and x");
}

TEST(TextWriter, GrowsAndKeepsWhatWasWritten) {
  std::string out;
  std::string wanted;
  {
    TextWriter writer(out);
    for (std::size_t size = 0; size < 3'000; size += 7) {
      const std::string piece(size, static_cast<char>('a' + size % 26));
      writer.append(piece);
      wanted += piece;
    }
  }
  EXPECT_EQ(out, wanted);
}

template <int Count>
std::string digits(std::uint32_t value) {
  std::array<char, 12> buffer;
  return {buffer.data(), put_digits<Count>(buffer.data(), value)};
}

TEST(Digits, HaveZerosInFrontAndAFixedNumber) {
  EXPECT_EQ(digits<1>(7), "7");
  EXPECT_EQ(digits<2>(7), "07");
  EXPECT_EQ(digits<3>(90), "090");
  EXPECT_EQ(digits<6>(42), "000042");
  EXPECT_EQ(digits<9>(999'999'999), "999999999");
  EXPECT_EQ(digits<10>(4'294'967'295), "4294967295");
  EXPECT_EQ(digits<2>(123), "23");
}

}  // namespace
}  // namespace kit
