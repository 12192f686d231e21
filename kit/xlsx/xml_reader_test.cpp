// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/xml_reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace kit::xlsx::detail {
namespace {

using testing::HasSubstr;

/// "<a x=1>text</a>" as tokens, given in pieces of `piece` bytes.
std::string tokens(std::string_view document, std::size_t piece, std::size_t max_token,
                   std::size_t max_depth) {
  std::size_t at = 0;
  XmlReader xml(
      [&]() -> Result<std::string_view> {
        const std::string_view next = document.substr(at, piece);
        at += next.size();
        return next;
      },
      max_token, max_depth);
  std::string text;
  while (true) {
    switch (xml.next()) {
      case XmlReader::Token::start:
        text += "<" + std::string(xml.name());
        for (const std::string_view name : {"x", "y"}) {
          if (xml.attribute(name))
            text.append(" ").append(name).append("=").append(*xml.attribute(name));
        }
        text += ">";
        break;
      case XmlReader::Token::end:
        text.append("</").append(xml.name()).append(">");
        break;
      case XmlReader::Token::text:
        text.append(xml.text());
        break;
      case XmlReader::Token::eof:
        return text;
      case XmlReader::Token::failed:
        return "! " + std::string(xml.error().message());
    }
  }
}

std::string tokens(std::string_view document, std::size_t max_token = 100,
                   std::size_t max_depth = 4) {
  std::string whole = tokens(document, document.size() + 1, max_token, max_depth);
  for (const std::size_t piece : {1U, 2U, 7U})
    EXPECT_EQ(tokens(document, piece, max_token, max_depth), whole) << piece;
  return whole;
}

TEST(XmlReader, ReadsDocuments) {
  EXPECT_EQ(tokens("<a/>"), "<a></a>");
  EXPECT_EQ(
      tokens(
          "\xef\xbb\xbf<?xml version='1.0' encoding='utf-8'?>\n<!-- c --><n:a n:x='1' y=\"&lt;\n\">"
          "t&#65;&#x42;&amp;<b /><![CDATA[<raw>]]>&quot;</n:a>\n<!-- end -->"),
      "<a x=1 y=< >tAB&<b></b><raw>\"</a>");
  EXPECT_EQ(tokens("<a>1\r\n2\r3</a >"), "<a>1\n2\n3</a>");
}

TEST(XmlReader, RefusesWhatIsNoneOrCouldReachOut) {
  for (const std::string_view document : {"",
                                          "x",
                                          "<a>",
                                          "<a></b>",
                                          "<a/><b/>",
                                          "</a>",
                                          "<a><b></a></b>",
                                          "<a x=1/>",
                                          "<a x='1' x='2'/>",
                                          "<a x='<'/>",
                                          "<a x='1'y='2'/>",
                                          "<a>&nbsp;</a>",
                                          "<a>&#0;</a>",
                                          "<a>&#xD800;</a>",
                                          "<a>&#x110000;</a>",
                                          "<a>&amp</a>",
                                          "<a>\x01</a>",
                                          "<a>\xff</a>",
                                          "<a",
                                          "<a><!-- ",
                                          "<a><![CDATA[",
                                          "<a>&#xFFFF;</a>",
                                          "<?xml version='1.0' encoding='UTF-16'?><a/>",
                                          "<a/>text",
                                          "<a>&#;</a>",
                                          "<a>&;</a>",
                                          "<1></a>",
                                          "\xff\xfe<\0a",
                                          "<a></a",
                                          "< a/>",
                                          "<a><?xml version='1.0'?></a>"}) {
    EXPECT_THAT(tokens(document), HasSubstr("! malformed XML")) << document;
  }
  for (const std::string_view document :
       {"<!DOCTYPE a><a/>", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "<a><!ENTITY b 'c'></a>",
        "<!DOCTYPE a SYSTEM 'file:///etc/passwd'><a/>"}) {
    EXPECT_THAT(tokens(document), HasSubstr("document types and entities are refused")) << document;
  }
}

TEST(XmlReader, HoldsItsLimits) {
  EXPECT_EQ(tokens("<a><a><a><a/></a></a></a>", 100, 4).size(), 28U);
  EXPECT_THAT(tokens("<a><a><a><a><a/></a></a></a></a>", 100, 4), HasSubstr("nested too deeply"));
  EXPECT_EQ(tokens("<a>" + std::string(100, 'x') + "</a>").size(), 107U);
  EXPECT_THAT(tokens("<a>" + std::string(102, 'x') + "</a>"), HasSubstr("too long"));
  EXPECT_THAT(tokens("<a x='" + std::string(102, 'x') + "'/>"), HasSubstr("too long"));
  EXPECT_THAT(tokens("<a><!--" + std::string(200, 'x') + "--></a>"), HasSubstr("too long"));
  EXPECT_THAT(tokens("<a><![CDATA[" + std::string(200, 'x') + "]]></a>"), HasSubstr("too long"));
  EXPECT_EQ(tokens("<" + std::string(256, 'a') + "/>").size(), 2 * 256U + 5);
  EXPECT_THAT(tokens("<" + std::string(257, 'a') + "/>"), HasSubstr("name is too long"));
  std::string many = "<a";
  for (int i = 0; i < 128; ++i) many += " n" + std::to_string(i) + "=''";
  EXPECT_EQ(tokens(many + "/>", 10'000), "<a></a>");
  EXPECT_THAT(tokens(many + " one=''/>", 10'000), HasSubstr("too many attributes"));
}

TEST(XmlReader, StopsAfterSoManyBytes) {
  const std::string document = "<a>" + std::string(50, ' ') + "<b/></a>";
  for (const std::size_t missing : {0U, 1U}) {
    bool is_given = false;
    XmlReader xml(
        [&]() -> Result<std::string_view> {
          return std::exchange(is_given, true) ? std::string_view() : std::string_view(document);
        },
        1'000, 10);
    xml.stop_after(document.size() - missing);
    XmlReader::Token token = XmlReader::Token::start;
    while (token != XmlReader::Token::eof && token != XmlReader::Token::failed) token = xml.next();
    EXPECT_EQ(token, missing == 0 ? XmlReader::Token::eof : XmlReader::Token::failed);
  }
}

}  // namespace
}  // namespace kit::xlsx::detail
