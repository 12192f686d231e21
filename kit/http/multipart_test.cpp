// SPDX-License-Identifier: Apache-2.0
#include "kit/http/multipart.hpp"

#include <gtest/gtest.h>

#include <string>

namespace kit::http {
namespace {

using namespace std::string_literals;
using State = MultipartParser::State;

/// Reads `body` in two or more pieces: up to `cut`, then `step` at a time.
std::string read_cut(std::string_view body, std::size_t cut, std::size_t step,
                     const MultipartLimits& limits) {
  MultipartParser parser("b", limits);
  std::string text;
  std::size_t at = 0;
  while (at < body.size() && parser.state() != State::failed) {
    // Somewhere else each time, so that a view that is kept too long is seen.
    const std::string piece(body.substr(at, at < cut ? cut - at : step));
    std::size_t used = 0;
    do {
      used += parser.parse(std::string_view(piece).substr(used));
      if (parser.state() == State::part_begin) {
        text += parser.part().name;
        if (parser.part().filename) text += "@" + *parser.part().filename;
        if (!parser.part().content_type.empty()) text += ":" + parser.part().content_type;
        text += '{';
      }
      if (parser.state() == State::data) text += parser.data();
      if (parser.state() == State::part_end) text += '}';
    } while (parser.state() != State::incomplete && parser.state() != State::complete &&
             parser.state() != State::failed);
    at += piece.size();
  }
  if (parser.state() == State::failed)
    return std::to_string(std::max(parser.error().http_status(), 400));
  return parser.state() == State::complete ? text : text + "...";
}

std::string read(std::string_view body, const MultipartLimits& limits = {}) {
  std::string whole = read_cut(body, body.size(), body.size(), limits);
  EXPECT_EQ(read_cut(body, 0, 1, limits), whole) << "byte by byte";
  for (std::size_t cut = 1; cut < body.size(); ++cut)
    EXPECT_EQ(read_cut(body, cut, body.size(), limits), whole) << "cut at " << cut;
  return whole;
}

/// A form of one part with this head.
std::string head(std::string_view lines) {
  return read("--b\r\n" + std::string(lines) + "\r\n\r\nx\r\n--b--\r\n");
}
std::string disposition(std::string_view parameters) {
  return head("Content-Disposition: form-data; " + std::string(parameters));
}

const std::string field_a = "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n";

TEST(Multipart, ReadsFieldsAndFiles) {
  EXPECT_EQ(
      read(field_a + "1\r\n--b\r\ncontent-disposition:form-data; name=f; filename=\"x.png\"\r\n"
                     "Content-Type: image/png\r\n\r\n\x89PNG\r\n\r\n--b--\r\n"),
      "a{1}f@x.png:image/png{\x89PNG\r\n}");
  EXPECT_EQ(read("--b--"), "");
  EXPECT_EQ(read("--b--\r\nwhat follows is ignored\r\n--b\r\n"), "");
}

TEST(Multipart, ContentMayLookLikeABoundary) {
  for (const std::string& content :
       {""s, "\r"s, "\r\n"s, "\r\n-"s, "\r\n--"s, "\r\n--a"s, "--b"s, "--"s, "-"s, "\r\r\n--"s,
        "\r\n\r\n--"s, "\n--b"s, "\r\n\r\n"s, "--\r\n--"s, "\r\n--\r\n--\0b"s}) {
    std::string behind_text = "x";
    behind_text += content;
    EXPECT_EQ(read(field_a + behind_text + "\r\n--b--"), "a{" + behind_text + "}");
    if (content != "--b") {
      EXPECT_EQ(read(field_a + content + "\r\n--b--"), "a{" + content + "}");
    }
  }
}

TEST(Multipart, LineEndsDoNotCutContent) {
  for (const std::string_view line : {"\r", "\r\n", "\r\n--", "\r\n--a", "a\r\n"}) {
    std::string content;
    while (content.size() < 10'000) content += line;
    const std::string body = field_a + content + "\r\n--b--";
    MultipartParser parser("b");
    std::string_view rest = body;
    std::string data;
    int pieces = 0;
    while (parser.state() != State::complete && parser.state() != State::failed) {
      rest.remove_prefix(parser.parse(rest));
      if (parser.state() != State::data) continue;
      data += parser.data();
      ++pieces;
    }
    EXPECT_EQ(data, content);
    EXPECT_LE(pieces, 2);
  }
}

TEST(Multipart, APartMayBeEmpty) {
  EXPECT_EQ(read(field_a + "\r\n--b--"), "a{}");
  EXPECT_EQ(read(field_a + "--b--"), "a{}");
  EXPECT_EQ(read(field_a + "\r\n" + field_a + "\r\n--b--"), "a{}a{}");
}

TEST(Multipart, AllowsPaddingBehindABoundary) {
  EXPECT_EQ(read("--b \t\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n--b-- \r\n"),
            "a{1}");
}

TEST(Multipart, RefusesBrokenBoundaries) {
  EXPECT_EQ(read("x--b--"), "400") << "something before the first";
  EXPECT_EQ(read("\r\n--b--"), "400");
  EXPECT_EQ(read("--c--"), "400");
  EXPECT_EQ(read(field_a + "1\r\n--bc\r\n"), "400") << "a longer one";
  EXPECT_EQ(read(field_a + "1\r\n--b-x"), "400");
  EXPECT_EQ(read(field_a + "1\r\n--b--x\r\n"), "400") << "others read on";
  EXPECT_EQ(read(field_a + "1\r\n--b--\n"), "400");
  EXPECT_EQ(read(field_a + "1\r\n--b--\r\r\n"), "400");
  EXPECT_EQ(read("--b--x"), "400");
  EXPECT_EQ(read(field_a + "1\r\n--b--\r"), "a{1}...") << "half a line end";
  EXPECT_EQ(read(field_a + "1\r\n--b\n"), "400");
  EXPECT_EQ(read(field_a + "1\r\n--b"), "a{1...") << "no end";
  EXPECT_EQ(read(""), "...");
}

TEST(Multipart, RefusesBrokenHeads) {
  EXPECT_EQ(head("Content-Disposition: form-data; name=a"), "a{x}");
  EXPECT_EQ(head("Content-Type: text/plain"), "400") << "no disposition";
  EXPECT_EQ(
      head("Content-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b"),
      "400");
  EXPECT_EQ(head("Content-Disposition: attachment; name=a"), "400");
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\nno colon"), "400");
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\n: x"), "400");
  EXPECT_EQ(head("Content-Disposition : form-data; name=a"), "400");
  EXPECT_EQ(head("Content-Disposition: form-data;\r\n name=a"), "400") << "folded";
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\nX: y"), "400") << "a bare LF";
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\rX: y"), "400") << "a bare CR";
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\nX: \x01"), "400");
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\nX: \0"s), "400");
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: base64"),
            "400");
  EXPECT_EQ(head("Content-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: 8bit"),
            "a{x}");
  EXPECT_EQ(
      head("Content-Disposition: form-data; name=a\r\nContent-Type: a/b\r\nContent-Type: c/d"),
      "400");
}

TEST(Multipart, ReadsNames) {
  EXPECT_EQ(disposition("name=\"a b\""), "a b{x}");
  EXPECT_EQ(disposition("name=\"a\\\"b\""), "a\"b{x}");
  EXPECT_EQ(disposition("NAME=a ; x=y;"), "a{x}");
  EXPECT_EQ(disposition("name=\"\""), "{x}");
  EXPECT_EQ(disposition("name=\"\xc3\xa4\"; filename=\"\xe2\x82\xac.txt\""),
            "\xc3\xa4@\xe2\x82\xac.txt{x}");
  for (const char* bad : {"", "name", "name=", "name=\"a", "name=\"a\"b", "name=a name=b",
                          "name=a; name=b", "name=a; NAME=b", "name=a b", "filename=x",
                          "name=\"\xff\"", "name=\"a\x01\"", "name=\"\x7f\"", "name=a;;x=y",
                          "name=a; filename*=UTF-8''x", "name=a; filename=x; filename*=UTF-8''y"}) {
    EXPECT_EQ(disposition(bad), "400") << bad;
  }
}

TEST(Multipart, FilesLoseTheirFolders) {
  EXPECT_EQ(disposition("name=f; filename=\"../../etc/passwd\""), "f@passwd{x}");
  EXPECT_EQ(disposition("name=f; filename=\"C:\\fakepath\\a.txt\""), "f@a.txt{x}");
  EXPECT_EQ(disposition("name=f; filename=\"a/..\""), "f@{x}");
  EXPECT_EQ(disposition("name=f; filename=\".\""), "f@{x}");
  EXPECT_EQ(disposition("name=f; filename=\"\""), "f@{x}");
  EXPECT_EQ(disposition("name=f; filename=\"a/\""), "f@{x}");
}

TEST(Multipart, HoldsItsLimits) {
  MultipartLimits limits;
  limits.parts = 2;
  EXPECT_EQ(read(field_a + "\r\n" + field_a + "\r\n--b--", limits), "a{}a{}");
  EXPECT_EQ(read(field_a + "\r\n" + field_a + "\r\n" + field_a + "\r\n--b--", limits), "413");
  limits = {};
  limits.name_bytes = 3;
  const auto named = [&](std::string_view name) {
    return read(
        "--b\r\nContent-Disposition: form-data; name=" + std::string(name) + "\r\n\r\nx\r\n--b--",
        limits);
  };
  EXPECT_EQ(named("abc"), "abc{x}");
  EXPECT_EQ(named("abcd"), "400");
  limits = {};
  limits.header_count = 2;
  const std::string two = "--b\r\nContent-Disposition: form-data; name=a\r\nX: y\r\n";
  EXPECT_EQ(read(two + "\r\nx\r\n--b--", limits), "a{x}");
  EXPECT_EQ(read(two + "Z: y\r\n\r\nx\r\n--b--", limits), "400");
  limits = {};
  limits.header_bytes = two.size() - 3 + 2;  // without "--b", with the empty line
  EXPECT_EQ(read(two + "\r\nx\r\n" + two + "\r\nx\r\n--b--", limits), "a{x}a{x}");
  --limits.header_bytes;
  EXPECT_EQ(read(two + "\r\nx\r\n--b--", limits), "400");
}

TEST(Multipart, OneHundredPartsAreEnough) {
  std::string body;
  for (int i = 0; i < 100; ++i) body += field_a + "\r\n";
  MultipartParser parser("b");
  const auto drive = [](MultipartParser& to, std::string_view bytes) {
    do {
      bytes.remove_prefix(to.parse(bytes));
    } while (to.state() != State::incomplete && to.state() != State::complete &&
             to.state() != State::failed);
    return to.state();
  };
  EXPECT_EQ(drive(parser, body), State::incomplete);
  EXPECT_EQ(drive(parser, field_a), State::failed);
  EXPECT_EQ(parser.error().reason(), "TOO_MANY_PARTS");
}

std::string boundary(std::string_view content_type) {
  const Result<std::string> found = multipart_boundary(content_type);
  if (found.ok()) return *found;
  return std::to_string(std::max(found.error().http_status(), 400));
}

TEST(MultipartBoundary, IsReadFromTheContentType) {
  EXPECT_EQ(boundary("multipart/form-data; boundary=abc"), "abc");
  EXPECT_EQ(boundary("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b'()+_,-./:=?\""),
            "a b'()+_,-./:=?");
  EXPECT_EQ(boundary("multipart/form-data; boundary=" + std::string(70, 'x')),
            std::string(70, 'x'));
  for (const std::string& bad :
       {"multipart/form-data"s, "multipart/form-data; boundary="s,
        "multipart/form-data; boundary=\"\""s, "multipart/form-data; boundary=a; boundary=b"s,
        "multipart/form-data; boundary=\"a \""s, "multipart/form-data; boundary=\"a\x01\""s,
        "multipart/form-data; boundary=a b"s, "multipart/form-data; boundary=\"a"s,
        "multipart/form-data; boundary=" + std::string(71, 'x')}) {
    EXPECT_EQ(boundary(bad), "400") << bad;
  }
  for (const char* other :
       {"", "application/json", "multipart/mixed; boundary=a", "multipart/form-datax; boundary=a"})
    EXPECT_EQ(boundary(other), "415") << other;
}

}  // namespace
}  // namespace kit::http
