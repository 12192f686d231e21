// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/detail/package.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/xlsx/detail/problem.hpp"
#include "kit/xlsx/detail/utf8.hpp"

namespace kit::xlsx::detail {
namespace {

using Token = XmlReader::Token;

constexpr std::size_t max_sheets = 1'000;
constexpr std::size_t max_styles = 65'536;

/// A line of a part's list of relations, its target as a name in the archive.
struct Relation {
  std::string id;
  std::string type;
  std::string target;
};

struct Sheet {
  std::string name;
  std::string relation;
};

std::string_view folder_of(std::string_view part) {
  const std::size_t slash = part.rfind('/');
  return slash == std::string_view::npos ? "" : part.substr(0, slash + 1);
}

/// "../xl/sheet1.xml" seen from a folder.
std::string resolve(std::string_view folder, std::string_view target) {
  const std::string path =
      target.starts_with('/') ? std::string(target) : std::string(folder).append(target);
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part == ".." && !parts.empty()) parts.pop_back();
    if (!part.empty() && part != "." && part != "..") parts.push_back(part);
  }
  std::string name;
  for (const std::string_view part : parts) name.append(name.empty() ? "" : "/").append(part);
  return name;
}

std::string value_of(const XmlReader& xml, std::string_view name) {
  return std::string(xml.attribute(name).value_or(""));
}

/// Calls `element(xml)` for each start tag of a part, up to its end.
template <class F>
Result<> for_each_element(const ZipArchive& archive, const ZipEntry& entry, const Limits& limits,
                          F element) {
  Result<std::unique_ptr<XmlPart>> part =
      XmlPart::open(archive, entry, limits.part_bytes, limits.row_bytes, limits);
  if (!part) return std::move(part).error();
  XmlReader& xml = (*part)->xml();
  while (true) {
    const Token token = xml.next();
    if (token == Token::failed) return problem(entry.name + ": " + xml.error().message());
    if (token == Token::eof) return {};
    if (token == Token::start) KIT_TRY(element(xml));
  }
}

Result<std::vector<Relation>> read_relations(const ZipArchive& archive, std::string_view part,
                                             const Limits& limits) {
  const std::string_view folder = folder_of(part);
  std::string name(folder);
  name.append("_rels/").append(part.substr(folder.size())).append(".rels");
  std::vector<Relation> relations;
  const ZipEntry* entry = archive.find(name);
  if (entry == nullptr) return problem("the file is no workbook: it has no " + name);
  KIT_TRY(for_each_element(archive, *entry, limits, [&](const XmlReader& xml) -> Result<> {
    if (xml.name() != "Relationship" || xml.attribute("TargetMode") == "External") return {};
    if (relations.size() == limits.entries) return problem(name + " has too many relations");
    relations.push_back(
        {value_of(xml, "Id"), value_of(xml, "Type"), resolve(folder, value_of(xml, "Target"))});
    return {};
  }));
  return relations;
}

/// The types of ISO 29500 strict and transitional differ before their last word.
const ZipEntry* find_part(const ZipArchive& archive, std::span<const Relation> relations,
                          std::string_view type) {
  for (const Relation& relation : relations) {
    if (relation.type.ends_with(type)) return archive.find(relation.target);
  }
  return nullptr;
}

Result<std::vector<Sheet>> read_workbook(Package& package, const ZipEntry& entry,
                                         const Limits& limits) {
  std::vector<Sheet> sheets;
  KIT_TRY(for_each_element(package.archive, entry, limits, [&](const XmlReader& xml) -> Result<> {
    if (xml.name() == "workbookPr") {
      const std::string from_1904 = value_of(xml, "date1904");
      package.is_from_1904 = from_1904 == "1" || from_1904 == "true";
    }
    if (xml.name() != "sheet") return {};
    if (sheets.size() == max_sheets) return problem("the workbook has too many sheets");
    sheets.push_back({value_of(xml, "name"), value_of(xml, "id")});
    return {};
  }));
  if (sheets.empty()) return problem("the workbook has no sheet");
  return sheets;
}

Result<> choose_sheet(Package& package, std::span<const Sheet> sheets,
                      std::span<const Relation> relations, std::string_view wanted) {
  const auto sheet =
      wanted.empty() ? sheets.begin() : std::ranges::find_if(sheets, [wanted](const Sheet& each) {
        return iequals(each.name, wanted);
      });
  if (sheet == sheets.end()) {
    std::vector<std::string_view> names;
    for (const Sheet& each : sheets) names.push_back(each.name);
    return problem("the workbook has no sheet '" + std::string(wanted) + "'" +
                   did_you_mean(wanted, names));
  }
  const auto relation = std::ranges::find(relations, sheet->relation, &Relation::id);
  if (relation == relations.end() || !relation->type.ends_with("/worksheet"))
    return problem("the sheet '" + sheet->name + "' has no cells");
  package.sheet = package.archive.find(relation->target);
  package.sheet_name = sheet->name;
  if (package.sheet == nullptr)
    return problem("the file is damaged: " + relation->target + " is missing");
  return {};
}

Result<> read_styles(Package& package, const ZipEntry& entry, const Limits& limits) {
  std::unordered_map<std::uint32_t, NumberStyle> codes;
  bool is_of_cells = false;
  return for_each_element(package.archive, entry, limits, [&](const XmlReader& xml) -> Result<> {
    const std::uint32_t id = parse_code(value_of(xml, "numFmtId"), 10).value_or(0);
    if (xml.name() == "numFmt") {
      if (codes.size() == max_styles) return problem("the workbook has too many formats");
      codes[id] = style_of_code(value_of(xml, "formatCode"));
    } else if (xml.name() == "cellXfs") {
      is_of_cells = true;
    } else if (is_of_cells && xml.depth() > 2 && xml.name() == "xf") {
      if (package.styles.size() == max_styles) return problem("the workbook has too many styles");
      const auto code = codes.find(id);
      package.styles.push_back(code == codes.end() ? style_of_builtin(id) : code->second);
    } else if (xml.depth() == 2) {
      is_of_cells = false;
    }
    return {};
  });
}

Result<> read_strings(Package& package, const ZipEntry& entry, const Limits& limits) {
  Result<std::unique_ptr<XmlPart>> part =
      XmlPart::open(package.archive, entry, limits.strings_bytes, limits.row_bytes, limits);
  if (!part) return std::move(part).error();
  XmlReader& xml = (*part)->xml();
  std::string text;
  while (true) {
    const Token token = xml.next();
    if (token == Token::eof) return {};
    if (token == Token::start && xml.name() == "si") {
      text.clear();
      if (read_rich_text(xml, text)) KIT_TRY(package.strings.add(text, limits));
    }
    if (token == Token::failed) return problem(entry.name + ": " + xml.error().message());
  }
}

/// Through all of the sheet, so that what is read later is known to be whole.
Result<> verify_sheet(const Package& package, const Limits& limits) {
  Result<ZipPart> part = ZipPart::open(package.archive, *package.sheet, limits.sheet_bytes, limits);
  if (!part) return std::move(part).error();
  return part->verify();
}

}  // namespace

std::string_view SharedStrings::at(std::size_t index) const {
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::string_view(texts_).substr(begin, ends_[index] - begin);
}

Result<> SharedStrings::add(std::string_view text, const Limits& limits) {
  if (ends_.size() == limits.strings) {
    return problem("the workbook has more than " + std::to_string(limits.strings) +
                   " different texts");
  }
  if (texts_.size() + text.size() > limits.strings_text_bytes) {
    return problem("the texts of the workbook have more than " +
                   std::to_string(limits.strings_text_bytes) + " bytes");
  }
  texts_.append(text);
  ends_.push_back(texts_.size());
  return {};
}

XmlPart::XmlPart(ZipPart part, std::size_t max_token, std::size_t max_depth)
    : part_(std::move(part)), xml_([this] { return part_.read(); }, max_token, max_depth) {}

Result<std::unique_ptr<XmlPart>> XmlPart::open(const ZipArchive& archive, const ZipEntry& entry,
                                               std::uint64_t max_bytes, std::size_t max_token,
                                               const Limits& limits) {
  Result<ZipPart> part = ZipPart::open(archive, entry, max_bytes, limits);
  if (!part) return std::move(part).error();
  return std::unique_ptr<XmlPart>(new XmlPart(std::move(*part), max_token, limits.depth));
}

Result<std::unique_ptr<Package>> open_package(std::shared_ptr<const Bytes> file,
                                              std::string_view sheet, const Limits& limits) {
  Result<ZipArchive> archive = ZipArchive::open(std::move(file), limits);
  if (!archive) return std::move(archive).error();
  auto package = std::make_unique<Package>(std::move(*archive));
  Result<std::vector<Relation>> roots = read_relations(package->archive, "", limits);
  if (!roots) return std::move(roots).error();
  const ZipEntry* workbook = find_part(package->archive, *roots, "/officeDocument");
  if (workbook == nullptr) return problem("the file is no workbook (.xlsx)");
  Result<std::vector<Sheet>> sheets = read_workbook(*package, *workbook, limits);
  if (!sheets) return std::move(sheets).error();
  Result<std::vector<Relation>> parts = read_relations(package->archive, workbook->name, limits);
  if (!parts) return std::move(parts).error();
  KIT_TRY(choose_sheet(*package, *sheets, *parts, sheet));
  const ZipEntry* styles = find_part(package->archive, *parts, "/styles");
  if (styles != nullptr) KIT_TRY(read_styles(*package, *styles, limits));
  const ZipEntry* strings = find_part(package->archive, *parts, "/sharedStrings");
  if (strings != nullptr) KIT_TRY(read_strings(*package, *strings, limits));
  KIT_TRY(verify_sheet(*package, limits));
  return package;
}

bool read_rich_text(XmlReader& xml, std::string& text) {
  const std::size_t outside = xml.depth() - 1;
  bool is_text = false;
  while (true) {
    const Token token = xml.next();
    if (token == Token::failed || token == Token::eof) return false;
    if (token == Token::start && xml.name() == "rPh") {
      if (!xml.skip()) return false;
    } else if (token == Token::start) {
      is_text = xml.name() == "t";
    } else if (token == Token::end) {
      is_text = false;
      if (xml.depth() == outside) return true;
    } else if (is_text) {
      text.append(xml.text());
    }
  }
}

}  // namespace kit::xlsx::detail
