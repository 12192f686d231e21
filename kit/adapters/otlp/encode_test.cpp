// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/otlp/encode.hpp"

#include <gtest/gtest.h>

#include <map>

#include "kit/adapters/otlp/detail/protobuf.hpp"
#include "kit/base/text.hpp"

namespace kit::otlp {
namespace {

using detail::ProtobufReader;
using detail::ProtobufWriter;
using namespace std::chrono_literals;

/// The fields of a message, the last of each number.
std::map<std::uint32_t, ProtobufReader::Field> fields(std::string_view bytes) {
  std::map<std::uint32_t, ProtobufReader::Field> all;
  ProtobufReader reader(bytes);
  ProtobufReader::Field field;
  while (reader.next(field)) all[field.number] = field;
  EXPECT_TRUE(reader.is_good());
  return all;
}

std::vector<std::unique_ptr<telemetry::SpanRecord>> one_span() {
  auto span = std::make_unique<telemetry::SpanRecord>();
  telemetry::write_hex(0x0102030405060708, span->trace_id.data());
  telemetry::write_hex(0x090a0b0c0d0e0f10, span->trace_id.data() + 16);
  telemetry::write_hex(0x1112131415161718, span->span_id.data());
  telemetry::write_hex(0x2122232425262728, span->parent_id.data());
  span->name = "GET /x";
  span->kind = telemetry::SpanKind::server;
  span->started = Clock::time_point(2s);
  span->ended = Clock::time_point(3s);
  span->sampled = span->random = span->parent_is_remote = true;
  std::vector<std::unique_ptr<telemetry::SpanRecord>> all;
  all.push_back(std::move(span));
  return all;
}

std::string_view span_of(std::string_view request) {
  return fields(fields(fields(request).at(1).bytes).at(2).bytes).at(2).bytes;
}

TEST(Encode, WritesASpan) {
  auto spans = one_span();
  const std::string request = encode_traces(spans, {}, 10s);
  const auto span = fields(span_of(request));
  EXPECT_EQ(span.at(1).bytes, std::string_view("\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 16));
  EXPECT_EQ(span.at(2).bytes, "\x11\x12\x13\x14\x15\x16\x17\x18");
  EXPECT_EQ(span.at(4).bytes, "\x21\x22\x23\x24\x25\x26\x27\x28");
  EXPECT_EQ(span.at(5).bytes, "GET /x");
  EXPECT_EQ(span.at(6).value, 2U);
  EXPECT_EQ(span.at(7).value, 12'000'000'000U);
  EXPECT_EQ(span.at(8).value, 13'000'000'000U);
  EXPECT_EQ(span.at(16).value, 0x303U);
  EXPECT_FALSE(span.contains(3) || span.contains(9) || span.contains(15));
}

TEST(Encode, RepairsWhatIsNoUtf8) {
  auto spans = one_span();
  spans.front()->name = "caf\xE9";
  const std::string request = encode_traces(spans, {}, 0s);
  const std::string name(fields(span_of(request)).at(5).bytes);
  EXPECT_TRUE(is_utf8(name));
  EXPECT_EQ(name, "caf\xEF\xBF\xBD");
}

TEST(Encode, ASpanNeverEndsBeforeItStarts) {
  auto spans = one_span();
  spans.front()->ended = Clock::time_point(1s);
  const auto span = fields(span_of(encode_traces(spans, {}, -1h)));
  EXPECT_EQ(span.at(7).value, 0U);
  EXPECT_EQ(span.at(8).value, 0U);
}

TEST(Protobuf, LengthsOfAnySizeFit) {
  for (const std::size_t size : {0U, 1U, 127U, 128U, 16'383U, 16'384U, 3'000'000U}) {
    std::string out;
    ProtobufWriter writer(out);
    writer.message(1, [&] { out.append(std::string(size, 'x')); });
    writer.varint(2, 7);
    const auto all = fields(out);
    EXPECT_EQ(all.at(1).bytes.size(), size);
    EXPECT_EQ(all.at(2).value, 7U);
  }
}

TEST(Protobuf, ReadsNothingThatIsNotThere) {
  for (const std::string& bad :
       {std::string("\x0a\x05"
                    "abcd"),
        std::string("\x08"), std::string("\x08\x80"),
        std::string("\x09"
                    "1234567"),
        std::string("\x0d"
                    "123"),
        std::string("\x0b"), std::string("\x00\x01", 2), std::string(11, '\xff')}) {
    ProtobufReader reader(bad);
    ProtobufReader::Field field;
    while (reader.next(field)) {
    }
    EXPECT_FALSE(reader.is_good());
  }
}

TEST(Response, IsRead) {
  EXPECT_EQ(decode_response("")->rejected, 0);
  const auto partial = decode_response("\x0a\x06\x08\x03\x12\x02no");
  ASSERT_TRUE(partial);
  EXPECT_EQ(partial->rejected, 3);
  EXPECT_EQ(partial->message, "no");
  EXPECT_FALSE(decode_response("<html>"));
  EXPECT_FALSE(decode_response("\x0a\x02\x12\x09"));
}

}  // namespace
}  // namespace kit::otlp
