// SPDX-License-Identifier: Apache-2.0
#include "kit/http/parser.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "kit/http/chunked.hpp"

namespace kit::http {
namespace {

const Limits limits;

/// What a head means, as text; "400" and the like when it is refused, "incomplete" when it wants
/// more.
std::string outcome(std::string_view input, RequestParser& parser, ParseState state) {
  if (state == ParseState::incomplete) return "incomplete";
  if (state == ParseState::refused) return std::to_string(parser.status());
  const RequestHead& head = parser.head();
  std::string text = std::string(head.method_name) + " " + std::string(head.path) + "?" +
                     std::string(head.query) + (head.keep_alive ? " keep" : " close");
  if (head.chunked) text += " chunked";
  if (head.has_content_length) text += " length=" + std::to_string(head.content_length);
  if (head.expects_continue) text += " expect";
  for (const Header& header : head.headers) {
    text += "|" + std::string(header.name) + "=" + std::string(header.value);
  }
  return parser.size() == input.find("\r\n\r\n") + 4 ? text : "another size";
}

std::string parse_whole(std::string_view input) {
  RequestParser parser(limits);
  return outcome(input, parser, parser.parse(input));
}

/// Two parts, and the buffer moves in between.
std::string parse_split(std::string_view input, std::size_t at) {
  RequestParser parser(limits);
  std::vector<char> first(input.begin(), input.begin() + static_cast<std::ptrdiff_t>(at));
  if (!first.empty()) parser.parse({first.data(), first.size()});
  std::vector<char> all(input.begin(), input.end());
  return outcome(input, parser, parser.parse({all.data(), all.size()}));
}

std::string parse_bytes(std::string_view input) {
  RequestParser parser(limits);
  ParseState state = ParseState::incomplete;
  for (std::size_t size = 1; size <= input.size() && state == ParseState::incomplete; ++size) {
    state = parser.parse(input.substr(0, size));
  }
  return outcome(input, parser, state);
}

void check(std::string_view input, std::string_view expected) {
  SCOPED_TRACE(input);
  EXPECT_EQ(parse_whole(input), expected);
  EXPECT_EQ(parse_bytes(input), expected);
  if (input.size() > 1000) return;
  for (std::size_t at = 0; at <= input.size(); ++at)
    EXPECT_EQ(parse_split(input, at), expected) << at;
}

/// A GET with `fields` after a good Host.
void check_fields(std::string_view fields, std::string_view expected) {
  check("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n", expected);
}

void refused_fields(std::string_view fields, std::string_view status = "400") {
  check_fields(fields, status);
}

void refused_target(std::string_view target) {
  check("GET " + std::string(target) + " HTTP/1.1\r\nHost: a\r\n\r\n", "400");
}

TEST(RequestParser, ReadsOrdinaryRequests) {
  check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /? keep|Host=a");
  check("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /? keep|Host=a");
  check("POST /a/b%20c?x=1&y=%zz HTTP/1.1\r\nhOST:\t a:80 \t\r\nContent-Length: 12\r\n\r\nrest",
        "POST /a/b%20c?x=1&y=%zz keep length=12|hOST=a:80|Content-Length=12");
  check(
      "PUT /x HTTP/1.1\r\nHost: [::1]:8080\r\nTransfer-Encoding: Chunked\r\nExpect: "
      "100-Continue\r\n\r\n",
      "PUT /x? keep chunked expect|Host=[::1]:8080|Transfer-Encoding=Chunked|Expect=100-Continue");
  check("BREW /pot HTTP/1.1\r\nHost: a\r\nEmpty:\r\n\r\n", "BREW /pot? keep|Host=a|Empty=");
  check("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "OPTIONS *? keep|Host=a");
  check("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", "CONNECT ? keep|Host=a");
}

TEST(RequestParser, DecidesOnKeepAlive) {
  check_fields("Connection: close\r\n", "GET /? close|Host=a|Connection=close");
  check_fields("Connection: x, ClOsE\r\n", "GET /? close|Host=a|Connection=x, ClOsE");
  check("GET / HTTP/1.0\r\n\r\n", "GET /? close");
  check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET /? keep|Connection=keep-alive");
  check("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
        "GET /? close|Connection=keep-alive, close");
  check("GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n", "GET /? close|Expect=100-continue");
}

TEST(RequestParser, TakesAbsoluteTargetsThatAgreeWithHost) {
  check("GET http://A.com/x?y HTTP/1.1\r\nHost: a.com\r\n\r\n", "GET /x?y keep|Host=a.com");
  check("GET http://a.com:80/ HTTP/1.1\r\nHost: a.com\r\n\r\n", "GET /? keep|Host=a.com");
  check("GET https://a.com?q HTTP/1.1\r\nHost: a.com:443\r\n\r\n", "GET /?q keep|Host=a.com:443");
  check("GET http://a.com/ HTTP/1.1\r\nHost: b.com\r\n\r\n", "400");
  check("GET http://a.com:81/ HTTP/1.1\r\nHost: a.com\r\n\r\n", "400");
  refused_target("http:///x");
  refused_target("http://u@a/");
  refused_target("ftp://a/");
}

TEST(RequestParser, RefusesMalformedRequestLines) {
  for (const char* line :
       {"GET", "GET /", "GET  / HTTP/1.1", " GET / HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ",
        "G\tT / HTTP/1.1", "GET / http/1.1", "GET / HTTP/11", "GET / HTTP/1.1x", "GET / HTTP/1.",
        "(GET) / HTTP/1.1", "GET\t/\tHTTP/1.1", "GET /a b HTTP/1.1", "GET HTTP/1.1", " "}) {
    check(std::string(line) + "\r\nHost: a\r\n\r\n", "400");
  }
  check("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "400");
  check(std::string_view("GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n", 28), "400");
  for (const char* version : {"HTTP/0.9", "HTTP/1.2", "HTTP/2.0", "HTTP/3.0"}) {
    check("GET / " + std::string(version) + "\r\nHost: a\r\n\r\n", "505");
  }
}

TEST(RequestParser, RefusesMalformedTargets) {
  for (const char* target : {"a", "*", "a:443", "/%", "/%1", "/%zz", "/%00", "/a\\b", "/#f", "/<",
                             "/\"", "/\x80", "/?\x7f", "/?#", "?x"}) {
    refused_target(target);
  }
  check("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "400");
}

TEST(RequestParser, RefusesWhatCouldBeSmuggled) {
  refused_fields("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n");
  refused_fields("Transfer-Encoding: chunked\r\nContent-Length: 1\r\n");
  refused_fields("Content-Length: 1\r\nContent-Length: 1\r\n");
  for (const char* length :
       {"", "+1", "-1", "1,1", "1, 1", "0x1", "1 1", "a", "1.0", "9999999999999999999"}) {
    refused_fields("Content-Length: " + std::string(length) + "\r\n");
  }
  for (const char* encoding : {"", "gzip", "chunked, chunked", "gzip, chunked", "chunked, identity",
                               "xchunked", "chunked;q=1", "identity", "\"chunked\""}) {
    refused_fields("Transfer-Encoding: " + std::string(encoding) + "\r\n");
  }
  refused_fields("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n");
  check("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
  check_fields("Content_Length: 5\r\nX_Y: z\r\nX: 1\r\n", "GET /? keep|Host=a|X=1");
}

TEST(RequestParser, RefusesMalformedFields) {
  for (const char* field :
       {"X : 1", " X: 1", "\tX: 1", "X: 1\r\n folded", "X", ": 1", "X\t: 1", "X y: 1", "X: a\rb",
        "X: \x01", "X: \x7f", "X: 12345678\x0b", "X: 1234567\x1f", "X(: 1", "X\x80: 1"}) {
    refused_fields(std::string(field) + "\r\n");
  }
  refused_fields(std::string_view("X: a\0b\r\n", 8));
  check("GET / HTTP/1.1\nHost: a\r\n\r\n", "400");
  check("GET / HTTP/1.1\r\nHost: a\n\r\n", "400");
  check("GET / HTTP/1.1\r\nHost: a\r\n\n", "400");
  check_fields("X: tab\there, \xc3\xa4 and more text\r\n",
               "GET /? keep|Host=a|X=tab\there, \xc3\xa4 and more text");
}

TEST(RequestParser, DemandsOneGoodHost) {
  check("GET / HTTP/1.1\r\n\r\n", "400");
  for (const char* host : {"", "a b", "a,b", "u@a", "a:b", "a:99999", "a:80:80", "[::1", "[]",
                           "[g::1]", ":80", "a/b", "a\xc3\xa4", "[::1]x"}) {
    check("GET / HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n", "400");
  }
  refused_fields("Host: a\r\n");
  check("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", "400");
  for (const char* host : {"a.example", "1.2.3.4:8080", "[2001:db8::1]", "a:", "x-y_z"}) {
    const std::string text(host);
    check("GET / HTTP/1.1\r\nHost: " + text + "\r\n\r\n", "GET /? keep|Host=" + text);
  }
}

TEST(RequestParser, KnowsOneExpectation) {
  refused_fields("Expect: 200-ok\r\n", "417");
  refused_fields("Expect:\r\n", "417");
}

TEST(RequestParser, HoldsTheLineLimit) {
  auto line_of = [](std::size_t size) {
    const std::string frame = "GET / HTTP/1.1";
    return "GET /" + std::string(size - frame.size(), 'a') + " HTTP/1.1\r\nHost: a\r\n\r\n";
  };
  EXPECT_TRUE(parse_whole(line_of(limits.request_line_bytes)).starts_with("GET /aaa"));
  EXPECT_EQ(parse_bytes(line_of(limits.request_line_bytes)),
            parse_whole(line_of(limits.request_line_bytes)));
  check(line_of(limits.request_line_bytes + 1), "414");
  EXPECT_EQ(parse_whole(std::string(limits.request_line_bytes + 2, 'a')), "414");
  EXPECT_EQ(parse_whole(std::string(limits.request_line_bytes + 1, 'a')), "incomplete");
}

TEST(RequestParser, HoldsTheFieldLimits) {
  auto field_of = [](std::size_t size) { return "X: " + std::string(size - 3, 'a') + "\r\n"; };
  const std::string start = "GET / HTTP/1.1\r\nHost: a\r\n";
  auto with = [&](const std::string& fields) { return start + fields + "\r\n"; };

  EXPECT_TRUE(parse_whole(with(field_of(limits.header_field_bytes))).starts_with("GET"));
  EXPECT_TRUE(parse_bytes(with(field_of(limits.header_field_bytes))).starts_with("GET"));
  check(with(field_of(limits.header_field_bytes + 1)), "431");

  // "Host: a" and two fields fill the block to the byte.
  const std::size_t rest = limits.header_bytes - 9 - limits.header_field_bytes - 2 - 2;
  EXPECT_TRUE(
      parse_whole(with(field_of(limits.header_field_bytes) + field_of(rest))).starts_with("GET"));
  EXPECT_TRUE(
      parse_bytes(with(field_of(limits.header_field_bytes) + field_of(rest))).starts_with("GET"));
  check(with(field_of(limits.header_field_bytes) + field_of(rest + 1)), "431");

  std::string many;
  for (std::size_t i = 1; i < limits.header_count; ++i) many += "X: 1\r\n";
  EXPECT_TRUE(parse_whole(with(many)).starts_with("GET"));
  check(with(many + "X: 1\r\n"), "431");
  check(with(many + "X_Y: 1\r\n"), "431");  // a dropped one counts
}

std::string decode(std::string_view input, std::size_t step, std::size_t most = 100) {
  ChunkedDecoder decoder;
  decoder.start(limits, most);
  std::string body;
  std::size_t used = 0;
  while (used < input.size() && decoder.state() == ChunkedDecoder::State::incomplete) {
    used += decoder.decode(input.substr(used, step), body);
  }
  if (decoder.state() == ChunkedDecoder::State::refused) return std::to_string(decoder.status());
  if (decoder.state() == ChunkedDecoder::State::incomplete) return "incomplete";
  return body + "#" + std::to_string(used);
}

void check_chunks(std::string_view input, std::string_view expected, std::size_t most = 100) {
  SCOPED_TRACE(input.substr(0, 60));
  for (std::size_t step = 1; step <= std::min<std::size_t>(input.size(), 70); ++step) {
    EXPECT_EQ(decode(input, step, most), expected) << step;
  }
}

TEST(ChunkedDecoder, JoinsChunks) {
  check_chunks("5\r\nhello\r\n6;x=\"y\"\r\n world\r\n0\r\n\r\nGET", "hello world#32");
  check_chunks("00a\r\n0123456789\r\n000\r\nTrailer: 1\r\nX:\r\n\r\n", "0123456789#40");
  check_chunks("0\r\n\r\n", "#5");
  for (const char* extensions :
       {";a", ";a=b", ";a=\"q;\\\"\xff\"", "; a ; b = c", ";a=\"\" ;b", ";a;b=c;d=\"e\""}) {
    const std::string head = "1" + std::string(extensions) + "\r\n";
    check_chunks(head + "x\r\n0" + extensions + "\r\n\r\n",
                 "x#" + std::to_string(head.size() * 2 + 5));
  }
  for (const char* extensions :
       {" ;a", ";", ";;a", ";=b", ";a=", ";a=\"b", ";a=\"b\"c", ";a b", ";a==b", ";\xff", ";a=\xff",
        ";a=b c", ";a\x01", ";a=\"\x7f\"", ";a=\"\\\r\""}) {
    check_chunks("1" + std::string(extensions) + "\r\nx\r\n0\r\n\r\n", "400");
  }
  check_chunks("5\r\nhel", "incomplete");
}

TEST(ChunkedDecoder, RefusesMalformedChunks) {
  for (const char* bad : {"\r\n",
                          "g\r\n",
                          "-1\r\n",
                          "+1\r\n",
                          "0x1\r\nx\r\n",
                          " 1\r\nx\r\n",
                          "1 \r\nx\r\n",
                          "1\nx\r\n",
                          "1\r\nxy\r\n",
                          "1\r\nx\n",
                          "1\r\nx\ry",
                          "1;a\nb\r\n",
                          "1;\x01\r\n",
                          "0\r\n: x\r\n\r\n",
                          "0\r\nX\r\n\r\n",
                          "0\r\nX : y\r\n\r\n",
                          "0\r\nX: a\rb\r\n\r\n",
                          "0\r\n\n",
                          "0\r\n\rx",
                          "0\r\n folded: x\r\n\r\n",
                          "1000000000000000\r\n"}) {
    check_chunks(bad, "400");
  }
}

TEST(ChunkedDecoder, HoldsItsLimits) {
  check_chunks("a\r\n0123456789\r\n0\r\n\r\n", "0123456789#20", 10);
  check_chunks("b\r\n0123456789a\r\n0\r\n\r\n", "413", 10);
  check_chunks("5\r\n01234\r\n6\r\n012345\r\n0\r\n\r\n", "413", 10);
  check_chunks("fffffffffffffff\r\n", "413", 10);
  EXPECT_EQ(decode("1;" + std::string(16 * 1024, 'e') + "\r\nx\r\n0\r\n\r\n", 9999), "x#16396");
  EXPECT_EQ(decode("1;" + std::string(16 * 1024 + 1, 'e') + "\r\nx\r\n0\r\n\r\n", 9999), "400");
  std::string many = "0\r\n";
  for (std::size_t i = 0; i < limits.header_count; ++i) many += "X: 1\r\n";
  EXPECT_EQ(decode(many + "\r\n", 50), "#" + std::to_string(many.size() + 2));
  EXPECT_EQ(decode(many + "X: 1\r\n\r\n", 50), "431");
  EXPECT_EQ(decode("0\r\nX:" + std::string(limits.header_bytes, 'a') + "\r\n\r\n", 5000), "431");
}

}  // namespace
}  // namespace kit::http
