// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kit/base/result.hpp"
#include "kit/xlsx/detail/cell_text.hpp"
#include "kit/xlsx/detail/xml_reader.hpp"
#include "kit/xlsx/detail/zip_archive.hpp"

namespace kit::xlsx::detail {

/// The texts that cells refer to by number.
class SharedStrings {
 public:
  std::size_t size() const { return ends_.size(); }
  std::string_view at(std::size_t index) const;
  /// Fails with `invalid_argument` past the limits.
  Result<> add(std::string_view text, const Limits& limits);

 private:
  std::string texts_;  ///< One after another.
  std::vector<std::size_t> ends_;
};

/// What a workbook has besides the cells of the sheet that is read.
struct Package {
  explicit Package(ZipArchive opened) : archive(std::move(opened)) {}

  ZipArchive archive;
  const ZipEntry* sheet = nullptr;  ///< In `archive`.
  std::string sheet_name;
  bool is_from_1904 = false;
  std::vector<NumberStyle> styles;  ///< By the number cells have.
  SharedStrings strings;
};

/// An open part, and what reads it.
class XmlPart {
 public:
  static Result<std::unique_ptr<XmlPart>> open(const ZipArchive& archive, const ZipEntry& entry,
                                               std::uint64_t max_bytes, std::size_t max_token,
                                               const Limits& limits);
  XmlReader& xml() { return xml_; }

 private:
  XmlPart(ZipPart part, std::size_t max_token, std::size_t max_depth);
  ZipPart part_;
  XmlReader xml_;
};

/// Opens a workbook and finds `sheet` in it (empty: the first). Goes through the whole sheet once,
/// for its checksum. Fails with `invalid_argument`, saying what is wrong; the violation names the
/// sheets there are when that was it.
Result<std::unique_ptr<Package>> open_package(std::shared_ptr<const Bytes> file,
                                              std::string_view sheet, const Limits& limits);

/// The text of a string item or an inline string whose tag has just begun, without what only says
/// how it sounds. False: failed.
bool read_rich_text(XmlReader& xml, std::string& text);

}  // namespace kit::xlsx::detail
