// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/reader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "kit/xlsx/test_reading.hpp"

namespace kit::xlsx {
namespace {

using testing::HasSubstr;

std::string cell(const std::string& type, const std::string& value, const std::string& more = "") {
  return "<row r=\"2\"><c r=\"A2\" t=\"" + type + "\"" + more + "><v>" + value + "</v></c></row>";
}

TEST(XlsxReader, ReadsEveryKindOfCell) {
  TestWorkbook workbook;
  workbook.strings =
      "<si><t>Name</t></si><si><t xml:space=\"preserve\"> a &amp; b </t></si>"
      "<si><r><rPr><b/></rPr><t>ri</t></r><r><t>ch</t></r><rPh><t>sound</t></rPh></si><si><t/></"
      "si>";
  workbook.styles =
      "<numFmts><numFmt numFmtId=\"164\" formatCode=\"yyyy\\-mm\\-dd hh:mm\"/></numFmts>"
      "<cellStyleXfs><xf numFmtId=\"14\"/></cellStyleXfs>"
      "<cellXfs><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/><xf numFmtId=\"164\"/></cellXfs>"
      "<dxfs><dxf/></dxfs>";
  workbook.before_rows = "<cols><col min=\"1\" max=\"9\"/></cols>";
  workbook.rows =
      "<row r=\"3\" spans=\"1:4\"><c r=\"A3\" t=\"s\"><v>0</v></c><c r=\"B3\" t=\"inlineStr\"><is>"
      "<t>B</t></is></c><c r=\"C3\" t=\"str\"><v>C</v></c><c r=\"D3\" t=\"str\"><v>D</v></c></row>"
      "<row r=\"4\" s=\"1\"/>"
      "<row r=\"5\"><c r=\"A5\" t=\"s\"><v>1</v></c><c r=\"C5\"><v>1.1000000000000001</v></c>"
      "<c r=\"D5\" t=\"b\"><v>1</v></c></row>"
      "<row><c t=\"s\"><v>2</v></c><c s=\"1\"><v>44227</v></c><c s=\"2\"><v>44227.5</v></c>"
      "<c t=\"d\"><v>2021-01-31</v></c></row>"
      "<row r=\"9\"><c r=\"A9\"><f>1+1</f><v>2</v></c><c r=\"B9\" t=\"str\"><f>\"\"</f><v></v></c>"
      "<c r=\"C9\" t=\"s\"><v>3</v></c><c r=\"D9\" t=\"str\"><v>'</v></c><c r=\"E9\"/></row>";
  EXPECT_EQ(read_all(workbook),
            "3: Name|B|C|D\n"
            "5:  a & b |-|1.1|true\n"
            "6: rich|2021-01-31|2021-01-31T12:00:00.000000Z|2021-01-31\n"
            "9: 2|-|-|\n");
}

TEST(XlsxReader, TellsTheCellThatIsWrongAndGoesOn) {
  EXPECT_EQ(read_rows(cell("e", "#REF!") + "<row r=\"3\"><c r=\"A3\"><v>1</v></c></row>"),
            "2! A2: holds the error #REF!\n3: 1\n");
  EXPECT_THAT(read_rows(cell("s", "0")), HasSubstr("2! A2: refers to a text"));
  EXPECT_THAT(read_rows(cell("b", "2")), HasSubstr("neither true nor false"));
  EXPECT_THAT(read_rows(cell("n", "many")), HasSubstr("a number that can't be read"));
  EXPECT_THAT(read_rows(cell("x", "1")), HasSubstr("of a kind that is not known"));
  EXPECT_THAT(read_rows(cell("str", "_x0000_")), HasSubstr("contains a NUL"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"A2\"><f>A1</f></c></row>"),
              HasSubstr("A2: holds a formula without a stored value"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"XFD2\"><v>1</v></c></row>"),
              HasSubstr("XFD2: holds a value right of the last header"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"XFE2\"><v>1</v></c></row>"), HasSubstr("no place"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"A2\"><v>1</v></c><c r=\"A2\"><v>2</v></c></row>"),
              HasSubstr("A2: the cell comes twice"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"B2\"/><c r=\"A2\"><v>2</v></c></row>"),
              HasSubstr("A2: the cell comes twice, or behind one to the right"));
  EXPECT_THAT(read_rows("<row r=\"2\"><c r=\"A3\"><v>2</v></c></row>"), HasSubstr("another row"));
}

TEST(XlsxReader, RowsComeInTheirOrder) {
  EXPECT_EQ(read_rows("<row r=\"1048576\"><c r=\"A1048576\"><v>1</v></c></row>"), "1048576: 1\n");
  EXPECT_THAT(read_rows("<row r=\"1048577\"/>"), HasSubstr("a number that no row has"));
  EXPECT_THAT(read_rows("<row r=\"0\"/>"), HasSubstr("a number that no row has"));
  EXPECT_THAT(read_rows("<row r=\"1048576\"/><row/>"), HasSubstr("too many rows"));
  EXPECT_THAT(read_rows("<row r=\"5\"/><row r=\"5\"/>"), HasSubstr("row 5: comes twice"));
  EXPECT_THAT(read_rows("<row r=\"5\"/><row r=\"4\"/>"), HasSubstr("behind row 5"));
}

TEST(XlsxReader, ChoosesASheet) {
  TestWorkbook workbook;
  workbook.rows = "<row><c><v>1</v></c></row>";
  workbook.more_sheets = "<sheet name=\"Second\" sheetId=\"2\" r:id=\"rId9\"/>";
  TestZip zip = workbook.zip();
  zip.add("XL/worksheets/Sheet9.xml",
          "<x:worksheet xmlns:x=\"m\"><x:sheetData><x:row><x:c><x:v>9</x:v></x:c></x:row>"
          "</x:sheetData></x:worksheet>");
  const auto read = [&](std::string sheet) {
    return read_all(Reader::from_text(zip.bytes(), {std::move(sheet), {}}));
  };
  EXPECT_EQ(read(""), "1: 1\n");
  EXPECT_EQ(read("second"), "1: 9\n");
  EXPECT_THAT(read("Secnd"), HasSubstr("no sheet 'Secnd'"));
  EXPECT_THAT(read("Secnd"), HasSubstr("Second"));
  EXPECT_THAT(read_all(workbook, {}, "Second"), HasSubstr("sheet9.xml is missing"));
}

/// Made with openpyxl 3.1: `tests/corpus/xlsx_fuzz` holds it.
TEST(XlsxReader, ReadsWhatAnotherProgramWrote) {
  std::ifstream file(std::string(KIT_SOURCE_DIR) + "/tests/corpus/xlsx_fuzz/openpyxl.xlsx",
                     std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  EXPECT_EQ(
      read_all(Reader::from_text(bytes, {})),
      "1: A|B|C|D|E|F|G\n"
      "2: 1|text|1.1|true|2021-01-31|2021-01-31T13:45:00.250000Z|13:45:00\n"
      "3: 2|a & b\nc|0.3|false|-|-|-\n"
      "4! B4: holds a formula without a stored value; open the file in a spreadsheet and save "
      "it\n"
      "6: -|only|-|-|-|-|-\n");
  EXPECT_EQ(read_all(Reader::from_text(bytes, {"second", {}})), "1: x\n");
}

TEST(XlsxReader, KnowsTheOtherBeginningOfDays) {
  TestWorkbook workbook;
  workbook.workbook_properties = "<workbookPr date1904=\"1\"/>";
  workbook.styles = "<cellXfs><xf numFmtId=\"14\"/></cellXfs>";
  workbook.rows = "<row><c s=\"0\"><v>42765</v></c></row>";
  EXPECT_EQ(read_all(workbook), "1: 2021-01-31\n");
}

TEST(XlsxReader, BeginsAgain) {
  TestWorkbook workbook;
  workbook.rows = "<row><c><v>1</v></c></row><row><c><v>2</v></c></row>";
  Result<Reader> reader = Reader::from_text(workbook.bytes(), {});
  ASSERT_TRUE(reader.ok());
  csv::Record record;
  ASSERT_TRUE(*reader->next(record));
  ASSERT_TRUE(*reader->next(record));
  ASSERT_TRUE(reader->rewind().ok());
  EXPECT_EQ(read_all(std::move(reader)), "1: 1\n2: 2\n");
}

TEST(XlsxReader, GivesWayInRowsWithoutValues) {
  std::string rows = "<row><c><v>1</v></c></row>";
  for (int i = 0; i < 50'000; ++i) rows += "<row s=\"1\"><c s=\"1\"/></row>";
  TestWorkbook workbook;
  workbook.rows = rows + "<row><c><v>2</v></c></row>";
  Limits limits;
  limits.ratio = 1'000;
  Result<Reader> reader = Reader::from_text(workbook.bytes(), {"", limits});
  ASSERT_TRUE(reader.ok()) << reader.error().message();
  csv::Record record;
  int pauses = 0;
  while (*reader->next(record)) pauses += record.fields.empty() ? 1 : 0;
  EXPECT_GT(pauses, 3);
  ASSERT_TRUE(reader->rewind().ok());
  EXPECT_EQ(read_all(std::move(reader)), "1: 1\n50002: 2\n");
}

}  // namespace
}  // namespace kit::xlsx
