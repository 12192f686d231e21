// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/response_parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace kit::http {
namespace {

constexpr ResponseLimits small_limits{.status_line_bytes = 40,
                                      .header_bytes = 120,
                                      .header_count = 4,
                                      .header_field_bytes = 60,
                                      .interim_responses = 2};

std::string describe(const ResponseHead& head) {
  const char* framing[] = {"none", "length", "chunked", "close"};
  std::string text = std::to_string(head.status) + (head.http_1_0 ? " 1.0" : " 1.1") +
                     (head.keep_alive ? " keep " : " end ") +
                     framing[static_cast<int>(head.framing)] + " '" + std::string(head.reason) +
                     "'";
  if (head.has_content_length) text += " " + std::to_string(head.content_length);
  for (const Header& header : head.headers) {
    text += " " + std::string(header.name) + "=" + std::string(header.value);
  }
  return text;
}

/// Parses `input` in pieces that end at each of `cuts`; every prefix is a buffer of its own.
std::string parse_in_pieces(const std::string& input, const std::vector<std::size_t>& cuts,
                            Method method, const ResponseLimits& limits) {
  ResponseParser parser(limits, method);
  std::vector<char> buffer;
  ParseState state = ParseState::incomplete;
  for (std::size_t end : cuts) {
    buffer = std::vector<char>(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(end));
    state = parser.parse({buffer.data(), buffer.size()});
    if (state != ParseState::incomplete) break;
  }
  switch (state) {
    case ParseState::incomplete:
      return "incomplete";
    case ParseState::refused:
      return "refused: " + std::string(parser.problem());
    case ParseState::complete:
      break;
  }
  return std::to_string(parser.size()) + ": " + describe(parser.head());
}

/// The meaning of `input`, which must be the same however it is cut.
std::string parse(const std::string& input, Method method = Method::get,
                  const ResponseLimits& limits = small_limits) {
  const std::string whole = parse_in_pieces(input, {input.size()}, method, limits);
  std::vector<std::size_t> each;
  for (std::size_t at = 1; at <= input.size(); ++at) {
    each.push_back(at);
    EXPECT_EQ(parse_in_pieces(input, {at, input.size()}, method, limits), whole) << "cut at " << at;
  }
  EXPECT_EQ(parse_in_pieces(input, each, method, limits), whole) << "byte by byte";
  return whole;
}

TEST(ResponseParser, ReadsHeads) {
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\nContent-Length: 3\r\nX:  a b\t\r\n\r\nabc"),
            "48: 200 1.1 keep length 'OK' 3 Content-Length=3 X=a b");
  EXPECT_EQ(parse("HTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n"),
            "36: 404 1.1 keep none '' 0 Content-Length=0");
  EXPECT_EQ(parse("HTTP/1.1 200\r\ncontent-length:007\r\n\r\n"),
            "36: 200 1.1 keep length '' 7 content-length=007");
  EXPECT_EQ(parse("HTTP/1.1 599 So \xE4\t!\r\nTransfer-Encoding: Chunked\r\n\r\n"),
            "51: 599 1.1 keep chunked 'So \xE4\t!' Transfer-Encoding=Chunked");
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\n"), "incomplete");
  EXPECT_EQ(parse("H"), "incomplete");
}

TEST(ResponseParser, KnowsWhereTheBodyEnds) {
  EXPECT_EQ(parse("HTTP/1.1 200 OK\r\n\r\n"), "19: 200 1.1 end close 'OK'");
  EXPECT_EQ(parse("HTTP/1.1 204 \r\n\r\n"), "17: 204 1.1 keep none ''");
  EXPECT_EQ(parse("HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n"),
            "36: 304 1.1 keep none '' 9 Content-Length=9");
  EXPECT_EQ(parse("HTTP/1.1 304 \r\nTransfer-Encoding: chunked\r\n\r\n"),
            "45: 304 1.1 keep none '' Transfer-Encoding=chunked");
  EXPECT_EQ(parse("HTTP/1.1 200 \r\nContent-Length: 9\r\n\r\n", Method::head),
            "36: 200 1.1 keep none '' 9 Content-Length=9");
  EXPECT_EQ(parse("HTTP/1.1 200 \r\n\r\n", Method::head), "17: 200 1.1 keep none ''");
}

TEST(ResponseParser, KnowsWhetherTheConnectionGoesOn) {
  auto keeps = [](const std::string& version, const std::string& value) {
    const std::string text =
        parse("HTTP/" + version + " 204 \r\nConnection: " + value + "\r\n\r\n");
    return text.find(" keep ") != text.npos;
  };
  EXPECT_TRUE(keeps("1.1", "x"));
  EXPECT_FALSE(keeps("1.1", "Close"));
  EXPECT_FALSE(keeps("1.1", "x , close"));
  EXPECT_FALSE(keeps("1.1", "keep-alive, close"));
  EXPECT_FALSE(keeps("1.0", "x"));
  EXPECT_TRUE(keeps("1.0", "Keep-Alive"));
}

TEST(ResponseParser, SkipsInterimAnswers) {
  const std::string interim = "HTTP/1.1 103 \r\nLink: x\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(parse("HTTP/1.1 100 Continue\r\n\r\n" + interim + "HTTP/1.1 204 \r\n\r\n"),
            std::to_string(25 + interim.size() + 17) + ": 204 1.1 keep none ''");
  EXPECT_EQ(parse("HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\n"),
            "refused: there are too many answers 1xx");
  EXPECT_EQ(parse("HTTP/1.1 100 \r\n\r\nHTTP/1.1 100 \r\n\r\nHTTP/1.1 204 \r\n\r\n"),
            "51: 204 1.1 keep none ''");
  EXPECT_EQ(parse("HTTP/1.1 101 \r\nUpgrade: x\r\n\r\n"),
            "refused: nobody asked for another protocol");
  EXPECT_EQ(parse("HTTP/1.1 100 \r\n\r\n"), "incomplete");
}

TEST(ResponseParser, RefusesWhatTwoReadersCouldTakeDifferently) {
  auto refused = [](const std::string& input) {
    const std::string text = parse(input);
    EXPECT_TRUE(text.starts_with("refused: ")) << input << text;
  };
  auto field = [&](const std::string& line) { refused("HTTP/1.1 200 OK\r\n" + line + "\r\n\r\n"); };
  for (const char* line :
       {"", "\r\nHTTP/1.1 200 OK", " HTTP/1.1 200 OK", "HTTP/1.1  200 OK", "HTTP/1.1 200OK",
        "HTTP/1.1 20 OK", "HTTP/1.1 2000 OK", "HTTP/1.1 099 ", "HTTP/1.1 600 ", "HTTP/1.1 -20 ",
        "HTTP/2.0 200 OK", "HTTP/1.2 200 OK", "http/1.1 200 OK", "HTTP/1.1\t200 OK", "ICY 200 OK",
        "HTTP/1.1 200 O\x01K", "HTTP/1.1 200 O\rK", "HTTP/1.1 200 OK\n"}) {
    refused(line + std::string("\r\nContent-Length: 0\r\n\r\n"));
  }
  for (const char* line : {"Content-Length: 1\r\nContent-Length: 1",
                           "Content-Length: 1, 1",
                           "Content-Length: -1",
                           "Content-Length: +1",
                           "Content-Length: ",
                           "Content-Length: 0x1",
                           "Content-Length: 1234567890123456789",
                           "Content-Length: 1\r\nTransfer-Encoding: chunked",
                           "Transfer-Encoding: chunked\r\nContent-Length: 1",
                           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                           "Transfer-Encoding: gzip, chunked",
                           "Transfer-Encoding: identity",
                           "X: a\r\n folded",
                           "X : a",
                           " X: a",
                           ": a",
                           "X",
                           "X: a\rb",
                           "X: a\nY: b",
                           "X: \x7F",
                           "X\x01: a",
                           "\xC3\xA4: a"}) {
    field(line);
  }
  refused("HTTP/1.0 200 \r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 204 \r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 100 \r\nTransfer-Encoding: chunked\r\n\r\n");
  refused("HTTP/1.1 200 OK\n\n");
  field(std::string("X: a\0b", 6));
}

TEST(ResponseParser, LimitsTheStatusLine) {
  const std::string start = "HTTP/1.1 204 ";
  const std::string end = "\r\n\r\n";
  EXPECT_TRUE(parse(start + std::string(40 - start.size(), 'x') + end).starts_with("44: 204"));
  EXPECT_EQ(parse(start + std::string(41 - start.size(), 'x') + end),
            "refused: the status line is too long");
  EXPECT_EQ(parse(std::string(1000, 'x')), "refused: the status line is too long");
}

TEST(ResponseParser, LimitsTheFields) {
  const std::string start = "HTTP/1.1 204 \r\n";
  auto with = [&](const std::string& fields) {
    const std::string text = parse(start + fields + "\r\n");
    return text.starts_with("refused") ? text : "ok";
  };
  auto field = [](std::size_t size) { return "X: " + std::string(size - 3, 'x') + "\r\n"; };
  EXPECT_EQ(with(field(60)), "ok");
  EXPECT_EQ(with(field(61)), "refused: the header fields are too large");
  EXPECT_EQ(with(field(58) + field(58)), "ok");  // 120 bytes
  EXPECT_EQ(with(field(58) + field(59)), "refused: the header fields are too large");
  EXPECT_EQ(with("A:\r\nA:\r\nA:\r\nA:\r\n"), "ok");
  EXPECT_EQ(with("A:\r\nA:\r\nA:\r\nA:\r\nA:\r\n"), "refused: there are too many header fields");
  // Interim answers count too.
  const std::string interim = "HTTP/1.1 100 \r\n" + field(58) + "\r\n";
  EXPECT_TRUE(parse(interim + start + field(56) + "\r\n").find("204") != std::string::npos);
  EXPECT_EQ(parse(interim + start + field(59) + "\r\n"),
            "refused: the header fields are too large");
}

}  // namespace
}  // namespace kit::http
