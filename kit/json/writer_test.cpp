// SPDX-License-Identifier: Apache-2.0
#include "kit/json/writer.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace kit::json {
namespace {

using std::string_view_literals::operator""sv;

template <class T>
std::string written(const T& value) {
  std::string out;
  Writer(out).value(value);
  return out;
}

TEST(WriterTest, PutsCommasItself) {
  std::string out = "prefix ";
  Writer writer(out);
  writer.begin_object();
  writer.member("id", 7);
  writer.member("name");
  writer.string("x");
  writer.key("tags");
  writer.begin_array();
  writer.end_array();
  writer.member("rows");
  writer.begin_array();
  writer.begin_object();
  writer.end_object();
  writer.begin_array();
  writer.null();
  writer.boolean(true);
  writer.raw("{\"raw\":1}");
  writer.end_array();
  writer.value(false);
  writer.end_array();
  writer.member("last", nullptr);
  writer.end_object();
  EXPECT_EQ(
      out,
      R"(prefix {"id":7,"name":"x","tags":[],"rows":[{},[null,true,{"raw":1}],false],"last":null})");
}

TEST(WriterTest, WritesIntegers) {
  EXPECT_EQ(written(0), "0");
  EXPECT_EQ(written(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
  EXPECT_EQ(written(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
  EXPECT_EQ(written(std::uint8_t{200}), "200");
}

TEST(WriterTest, WritesFloatsShortest) {
  EXPECT_EQ(written(0.1), "0.1");
  EXPECT_EQ(written(-0.0), "-0");
  EXPECT_EQ(written(1e300), "1e+300");
  EXPECT_EQ(written(5e-324), "5e-324");
  EXPECT_EQ(written(-std::numeric_limits<double>::max()), "-1.7976931348623157e+308");
  EXPECT_EQ(written(0.1F), "0.1");
  EXPECT_EQ(written(std::nan("")), "null");
  EXPECT_EQ(written(std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(written(-std::numeric_limits<float>::infinity()), "null");
}

TEST(WriterTest, EscapesWhatMustBe) {
  EXPECT_EQ(written(""), R"("")");
  EXPECT_EQ(written("plain text, longer than eight bytes"),
            R"("plain text, longer than eight bytes")");
  EXPECT_EQ(written("\"\\/"), R"("\"\\/")");
  EXPECT_EQ(written("\b\f\n\r\t"), R"("\b\f\n\r\t")");
  EXPECT_EQ(written("\0\x01\x1F\x7F"sv), "\"\\u0000\\u0001\\u001f\x7F\"");
  EXPECT_EQ(written("caf\xC3\xA9 \xF0\x9F\x8E\xB5"), "\"caf\xC3\xA9 \xF0\x9F\x8E\xB5\"");
}

TEST(WriterTest, FindsSpecialBytesAtEveryPlace) {
  for (char special : {'"', '\\', '\n', '\x1F', '\0'}) {
    for (std::size_t length = 1; length < 20; ++length) {
      for (std::size_t at = 0; at < length; ++at) {
        for (char filler : {' ', 'a', '!', '#', '[', ']', '\x7F'}) {
          std::string text(length, filler);
          text[at] = special;
          EXPECT_GT(written(text).size(), length + 2) << length << " " << at;
        }
      }
    }
  }
}

TEST(WriterTest, ReplacesBytesThatAreNoUtf8) {
  EXPECT_EQ(written("a\xFFz"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(written("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(written("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
  EXPECT_EQ(written("12345678\x80\xC3\xA9"), "\"12345678\xEF\xBF\xBD\xC3\xA9\"");
}

TEST(WriterTest, EscapesRunTimeKeys) {
  std::string out;
  Writer writer(out);
  writer.begin_object();
  writer.key("a\"b");
  writer.value(1);
  writer.key("c");
  writer.value("x\n");
  writer.end_object();
  EXPECT_EQ(out, R"({"a\"b":1,"c":"x\n"})");
}

TEST(WriterTest, WritesTheTypesOfBase) {
  EXPECT_EQ(written(Decimal(1250, 2)), R"("12.50")");
  EXPECT_EQ(written(Timestamp{}), R"("1970-01-01T00:00:00.000000Z")");
  EXPECT_EQ(written(Date{}), R"("1970-01-01")");
  EXPECT_EQ(written(TimeOfDay{}), R"("00:00:00")");
  EXPECT_EQ(written(std::chrono::milliseconds{1500}), R"("1.5s")");
  EXPECT_EQ(written(Uuid{}), R"("00000000-0000-0000-0000-000000000000")");
  EXPECT_EQ(written(Id<struct UserTag>(42)), "42");
  EXPECT_EQ((written(Id<struct UserTag, Uuid>())), R"("00000000-0000-0000-0000-000000000000")");
  EXPECT_EQ(written(Secret<std::string>("hunter2")), R"("***")");
  EXPECT_EQ(written(std::optional<int>()), "null");
  EXPECT_EQ(written(std::optional<std::string>("x")), R"("x")");
}

TEST(Writer, AnObjectIsReopenedForMoreMembers) {
  std::string out;
  Writer writer(out);
  writer.begin_array();
  for (const bool is_empty : {false, true}) {
    writer.begin_object();
    if (!is_empty) writer.member("a", 1);
    writer.end_object();
    writer.reopen_object();
    writer.member("link");
    writer.raw("{}");
    writer.end_object();
  }
  writer.end_array();
  EXPECT_EQ(out, R"([{"a":1,"link":{}},{"link":{}}])");
}

}  // namespace
}  // namespace kit::json
