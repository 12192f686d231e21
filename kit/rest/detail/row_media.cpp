// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/detail/row_media.hpp"

#include <algorithm>
#include <string>

#include "kit/base/text.hpp"

namespace kit::rest::detail {
namespace {

/// How much an Accept field likes a type, and how exactly it names it: 0 by no range, 1 by */*, 2
/// by text/*, 3 by name.
struct Liking {
  int exactness = 0;
  double quality = 0;
};

double quality_of(std::string_view parameters) {
  for (const std::string_view parameter : split(parameters, ';')) {
    const std::string_view trimmed = trim(parameter);
    if (!trimmed.starts_with("q=") && !trimmed.starts_with("Q=")) continue;
    return std::clamp(parse_double(trimmed.substr(2)).value_or(0), 0.0, 1.0);
  }
  return 1;
}

/// The most exact range counts (RFC 9110, section 12.5.1).
Liking liking(std::string_view accept, std::string_view type) {
  Liking found;
  const std::string_view all_of_kind = type.substr(0, type.find('/') + 1);
  for (const std::string_view element : split(accept, ',')) {
    const std::size_t end = std::min(element.find(';'), element.size());
    const std::string_view range = trim(element.substr(0, end));
    int exactness = 0;
    if (range == "*/*") exactness = 1;
    if (range.ends_with("/*") && iequals(range.substr(0, range.size() - 1), all_of_kind))
      exactness = 2;
    if (iequals(range, type)) exactness = 3;
    if (exactness > found.exactness) found = {exactness, quality_of(element.substr(end))};
  }
  return found;
}

Result<> check(db::RowFormat format, int status) {
  Result<> available = db::check_available(format);
  if (available) return available;
  return std::move(available).error().with_http_status(status);
}

}  // namespace

std::string_view media_type(db::RowFormat format) {
  return format == db::RowFormat::csv ? "text/csv; charset=utf-8" : xlsx_media_type;
}

db::RowFormat accepted_format(std::optional<std::string_view> accept) {
  const Liking csv = liking(accept.value_or(""), csv_media_type);
  const Liking xlsx = liking(accept.value_or(""), xlsx_media_type);
  const bool is_named_alone = xlsx.exactness == 3 && csv.exactness < 3;
  const bool is_liked = xlsx.quality > csv.quality ||
                        (xlsx.quality == csv.quality && xlsx.quality > 0 && is_named_alone);
  return is_liked ? db::RowFormat::xlsx : db::RowFormat::csv;
}

db::RowFormat sent_format(std::optional<std::string_view> content_type) {
  const std::string_view type = content_type.value_or("");
  return iequals(trim(type.substr(0, type.find(';'))), xlsx_media_type) ? db::RowFormat::xlsx
                                                                        : db::RowFormat::csv;
}

Result<> check_exportable(db::RowFormat format) {
  return check(format, 406);
}

Result<> check_importable(db::RowFormat format) {
  return check(format, 415);
}

}  // namespace kit::rest::detail
