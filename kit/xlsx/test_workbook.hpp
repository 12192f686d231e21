// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <zlib.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kit::xlsx {

/// Makes ZIP files byte by byte, also such as nobody should make.
class TestZip {
 public:
  struct Entry {
    std::string name;
    std::string content;
    bool is_deflated = true;
    std::uint32_t flags = 0;
    std::uint32_t method = 8;     ///< When it is deflated.
    std::int64_t lie_bytes = -1;  ///< What the directory says instead.
    std::int64_t lie_offset = -1;
  };

  TestZip& add(std::string name, std::string content) {
    entries.push_back({.name = std::move(name), .content = std::move(content)});
    return *this;
  }

  std::string bytes() const {
    std::string out;
    std::string directory;
    for (const Entry& entry : entries) {
      const std::string packed = entry.is_deflated ? deflated(entry.content) : entry.content;
      const auto crc = static_cast<std::uint32_t>(
          ::crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()),
                  static_cast<uInt>(entry.content.size())));
      const std::uint32_t size = entry.lie_bytes >= 0
                                     ? static_cast<std::uint32_t>(entry.lie_bytes)
                                     : static_cast<std::uint32_t>(entry.content.size());
      std::string common;
      put(common, 20, 2);
      put(common, entry.flags, 2);
      put(common, entry.is_deflated ? entry.method : 0, 2);
      put(common, 0, 4);
      put(common, crc, 4);
      put(common, static_cast<std::uint32_t>(packed.size()), 4);
      put(common, size, 4);
      put(common, static_cast<std::uint32_t>(entry.name.size()), 2);
      put(common, 0, 2);
      const auto offset = entry.lie_offset >= 0 ? static_cast<std::uint32_t>(entry.lie_offset)
                                                : static_cast<std::uint32_t>(out.size());
      out += "PK\x03\x04" + common + entry.name + packed;
      directory += "PK\x01\x02";
      put(directory, 20, 2);
      directory += common;
      put(directory, 0, 2);
      put(directory, 0, 2);
      put(directory, 0, 2);
      put(directory, 0, 4);
      put(directory, offset, 4);
      directory += entry.name;
    }
    std::string end = "PK\x05\x06";
    put(end, 0, 4);
    put(end, static_cast<std::uint32_t>(entries.size()), 2);
    put(end, static_cast<std::uint32_t>(entries.size()), 2);
    put(end, static_cast<std::uint32_t>(directory.size()), 4);
    put(end, static_cast<std::uint32_t>(out.size()), 4);
    put(end, 0, 2);
    return out + directory + end;
  }

  std::vector<Entry> entries;

 private:
  static void put(std::string& out, std::uint32_t value, int count) {
    for (int i = 0; i < count; ++i) out.push_back(static_cast<char>(value >> 8 * i & 0xff));
  }
  static std::string deflated(const std::string& content) {
    z_stream stream{};
    ::deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 9, Z_DEFAULT_STRATEGY);
    std::string out(::deflateBound(&stream, static_cast<uLong>(content.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    ::deflate(&stream, Z_FINISH);
    out.resize(stream.total_out);
    ::deflateEnd(&stream);
    return out;
  }
};

/// The parts of a workbook as other programs make them.
struct TestWorkbook {
  /// Goes into `sheetData`.
  std::string rows;
  std::string before_rows;  ///< In the sheet, before `sheetData`.
  std::string after_rows;
  std::string strings;              ///< `<si>` elements; empty: no such part.
  std::string styles;               ///< What is in `styleSheet`.
  std::string workbook_properties;  ///< `<workbookPr .../>`
  std::string more_sheets;          ///< `<sheet .../>`, of "rId9".

  TestZip zip() const {
    constexpr std::string_view type =
        "http://schemas.openxmlformats.org/officeDocument/2006/relationships/";
    const auto relation = [type](std::string_view id, std::string_view kind,
                                 std::string_view target) {
      return "<Relationship Id=\"" + std::string(id) + "\" Type=\"" + std::string(type) +
             std::string(kind) + "\" Target=\"" + std::string(target) + "\"/>";
    };
    TestZip zip;
    zip.add("_rels/.rels", "<Relationships>" +
                               relation("rId1", "officeDocument", "xl/workbook.xml") +
                               "</Relationships>");
    zip.add("xl/workbook.xml",
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<workbook "
            "xmlns:r=\"r\">" +
                workbook_properties +
                "<sheets><sheet name=\"First\" sheetId=\"1\" r:id=\"rId1\"/>" + more_sheets +
                "</sheets></workbook>");
    zip.add("xl/_rels/workbook.xml.rels",
            "<Relationships>" + relation("rId1", "worksheet", "worksheets/sheet1.xml") +
                relation("rId2", "sharedStrings", "/xl/sharedStrings.xml") +
                relation("rId3", "styles", "styles.xml") +
                relation("rId9", "worksheet", "worksheets/../worksheets/sheet9.xml") +
                "</Relationships>");
    zip.add("xl/worksheets/sheet1.xml", "<worksheet>" + before_rows + "<sheetData>" + rows +
                                            "</sheetData>" + after_rows + "</worksheet>");
    if (!strings.empty()) zip.add("xl/sharedStrings.xml", "<sst>" + strings + "</sst>");
    if (!styles.empty()) zip.add("xl/styles.xml", "<styleSheet>" + styles + "</styleSheet>");
    return zip;
  }
  std::string bytes() const { return zip().bytes(); }
};

}  // namespace kit::xlsx
