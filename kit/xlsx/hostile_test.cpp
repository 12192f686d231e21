// SPDX-License-Identifier: Apache-2.0
// Workbooks that somebody made to break a reader: every limit at it and past it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kit/xlsx/test_reading.hpp"

namespace kit::xlsx {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const std::string one_row = "<row><c><v>1</v></c></row>";

TestWorkbook small() {
  TestWorkbook workbook;
  workbook.rows = one_row;
  return workbook;
}

std::string read_bytes(std::string bytes, Limits limits = {}) {
  return read_all(Reader::from_text(std::move(bytes), {"", limits}));
}

TEST(HostileWorkbook, FilesThatAreNone) {
  EXPECT_THAT(read_bytes(""), HasSubstr("no workbook"));
  EXPECT_THAT(read_bytes("GenreId,Name\n"), HasSubstr("no workbook"));
  EXPECT_THAT(read_bytes("\xd0\xcf\x11\xe0 a compound file"), HasSubstr("password"));
  EXPECT_THAT(read_bytes(TestZip().add("a", "b").bytes()), HasSubstr("_rels/.rels"));
  EXPECT_THAT(read_bytes(TestZip().add("_rels/.rels", "<Relationships/>").bytes()),
              HasSubstr("no workbook"));
}

TEST(HostileWorkbook, CutOffAnywhere) {
  const std::string whole = small().bytes();
  ASSERT_EQ(read_bytes(whole), "1: 1\n");
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_THAT(read_bytes(whole.substr(0, size)), StartsWith("!")) << size;
  EXPECT_THAT(read_bytes(whole + "x"), StartsWith("!"));
  EXPECT_THAT(read_bytes("PK" + whole), HasSubstr("not where it should be"));
}

TEST(HostileWorkbook, AnyByteChanged) {
  const std::string whole = small().bytes();
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int bit : {1, 0x80}) {
      std::string changed = whole;
      changed[at] = static_cast<char>(changed[at] ^ bit);
      // It ends, and never says something else.
      const std::string text = read_bytes(changed);
      EXPECT_TRUE(text == "1: 1\n" || text.find('!') != std::string::npos) << at << " " << text;
    }
  }
}

TEST(HostileWorkbook, EntryCount) {
  Limits limits;
  limits.entries = 6;
  TestZip zip = small().zip();  // four entries
  zip.add("a", "").add("b", "");
  EXPECT_EQ(read_bytes(zip.bytes(), limits), "1: 1\n");
  zip.add("c", "");
  EXPECT_THAT(read_bytes(zip.bytes(), limits), HasSubstr("more than 6 files"));
}

TEST(HostileWorkbook, NamesAndPlacesOfEntries) {
  for (const std::string name : {"../x", "/x", "a\\b", "C:x", "a/../b", "a/./b", ""}) {
    TestZip zip = small().zip();
    zip.add(name, "x");
    EXPECT_THAT(read_bytes(zip.bytes()), HasSubstr("unsafe name")) << name;
  }
  TestZip twice = small().zip();
  twice.add("XL/WORKBOOK.xml", "<workbook/>");
  EXPECT_THAT(read_bytes(twice.bytes()), HasSubstr("two files of one name"));
  TestZip overlapping = small().zip();
  overlapping.add("a", "x");
  overlapping.entries.back().lie_offset = 0;
  EXPECT_THAT(read_bytes(overlapping.bytes()), HasSubstr("overlap"));
}

TEST(HostileWorkbook, PackedInOtherWays) {
  TestZip stored = small().zip();
  for (TestZip::Entry& entry : stored.entries) entry.is_deflated = false;
  EXPECT_EQ(read_bytes(stored.bytes()), "1: 1\n");
  TestZip encrypted = small().zip();
  encrypted.entries.back().flags = 1;
  EXPECT_THAT(read_bytes(encrypted.bytes()), HasSubstr("password"));
  TestZip method = small().zip();
  method.entries.back().method = 12;
  EXPECT_THAT(read_bytes(method.bytes()), HasSubstr("not read"));
  TestZip zip64 = small().zip();
  zip64.entries.back().lie_bytes = 0xffffffff;
  EXPECT_THAT(read_bytes(zip64.bytes()), HasSubstr("ZIP64"));
  std::string locator = small().bytes();
  locator.insert(locator.size() - 22, "PK\x06\x07" + std::string(16, '\0'));
  EXPECT_THAT(read_bytes(locator), HasSubstr("ZIP64"));
}

TEST(HostileWorkbook, Bombs) {
  const std::size_t bytes = 4UL * 1024 * 1024;
  TestWorkbook workbook = small();
  workbook.after_rows = "<a>" + std::string(bytes, ' ') + "</a>";
  EXPECT_THAT(read_all(workbook), HasSubstr("more than 200 times its size"));
  Limits limits;
  limits.ratio = 2'000;
  EXPECT_EQ(read_all(workbook, limits), "1: 1\n");
  limits.sheet_bytes = workbook.zip().entries.back().content.size();
  EXPECT_EQ(read_all(workbook, limits), "1: 1\n");
  --limits.sheet_bytes;
  EXPECT_THAT(read_all(workbook, limits), HasSubstr("would unpack to"));
  // What the directory says is held to.
  TestZip lying = workbook.zip();
  lying.entries.back().lie_bytes = 1'000;
  EXPECT_THAT(read_bytes(lying.bytes()), HasSubstr("damaged"));
  TestWorkbook parts = small();
  parts.workbook_properties = "<a b=\"" + std::string(1'000, 'x') + "\"/>";
  limits = {};
  limits.part_bytes = parts.zip().entries[1].content.size();
  EXPECT_EQ(read_all(parts, limits), "1: 1\n");
  --limits.part_bytes;
  EXPECT_THAT(read_all(parts, limits), HasSubstr("xl/workbook.xml would unpack to"));
}

TEST(HostileWorkbook, SharedTexts) {
  TestWorkbook workbook;
  workbook.strings = "<si><t>ab</t></si><si><t>cd</t></si>";
  workbook.rows = "<row><c t=\"s\"><v>1</v></c></row>";
  Limits limits;
  limits.strings = 2;
  limits.strings_text_bytes = 4;
  limits.strings_bytes = workbook.strings.size() + 11;
  EXPECT_EQ(read_all(workbook, limits), "1: cd\n");
  for (auto* limit : {&limits.strings_text_bytes, &limits.strings_bytes}) {
    Limits less = limits;
    (limit == &limits.strings_bytes ? less.strings_bytes : less.strings_text_bytes) -= 1;
    EXPECT_THAT(read_all(workbook, less), StartsWith("! "));
  }
  limits.strings = 1;
  EXPECT_THAT(read_all(workbook, limits), HasSubstr("more than 1 different texts"));
}

TEST(HostileWorkbook, RowsAndWhatStandsBetweenThem) {
  Limits limits;
  limits.ratio = 2'000;
  const auto row = [](std::size_t bytes) {
    return "<row r=\"2\"><c r=\"A2\" t=\"str\"><v>" + std::string(bytes, 'x') + "</v></c></row>";
  };
  EXPECT_THAT(read_rows(row(1'000'000), limits), StartsWith("2: xxx"));
  EXPECT_THAT(read_rows(row(1'100'000), limits), HasSubstr("too long"));
  std::string cells = "<row r=\"2\">";
  for (int i = 0; i < 250'000; ++i) cells += "<x/>";
  EXPECT_EQ(read_rows(cells + "</row>", limits), "");
  for (int i = 0; i < 50'000; ++i) cells += "<x/>";
  EXPECT_THAT(read_rows(cells + "</row>", limits), HasSubstr("too long"));
  std::string comments;
  for (int i = 0; i < 100; ++i) comments += "<!--" + std::string(12'000, '-') + "x-->";
  EXPECT_THAT(read_rows(comments + "<row r=\"2\"/>", limits), HasSubstr("too long"));
}

TEST(HostileWorkbook, WidthAndDepth) {
  Limits limits;
  limits.columns = 28;
  const auto header = [](const std::string& column) {
    TestWorkbook workbook;
    workbook.rows = "<row r=\"1\"><c r=\"" + column + "1\"><v>1</v></c></row>" + one_row;
    return workbook;
  };
  EXPECT_THAT(read_all(header("AB"), limits), StartsWith("1: -|-"));
  EXPECT_EQ(read_all(header("AC"), limits),
            "1! AC1: stands right of the last column that is read, AB\n");
  const auto nested = [](std::size_t levels) {
    std::string rows = "<row r=\"2\">";
    for (std::size_t i = 0; i < levels; ++i) rows += "<x>";
    for (std::size_t i = 0; i < levels; ++i) rows += "</x>";
    return rows + "</row>";
  };
  EXPECT_EQ(read_rows(nested(61)), "");  // inside of three
  EXPECT_THAT(read_rows(nested(62)), HasSubstr("nested too deeply"));
}

TEST(HostileWorkbook, DocumentTypesInAnyPart) {
  TestZip zip = small().zip();
  for (TestZip::Entry& entry : zip.entries) {
    const std::string kept = entry.content;
    entry.content = "<!DOCTYPE x [<!ENTITY a \"aaaaaaaaaa\">]>" +
                    kept.substr(kept.find("?>") == std::string::npos ? 0 : kept.find("?>") + 2);
    EXPECT_THAT(read_bytes(zip.bytes()), HasSubstr("document types and entities are refused"));
    entry.content = kept;
  }
}

}  // namespace
}  // namespace kit::xlsx
