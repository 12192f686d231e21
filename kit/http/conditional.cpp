// SPDX-License-Identifier: Apache-2.0
#include "kit/http/conditional.hpp"

#include <algorithm>
#include <utility>

#include "kit/base/text.hpp"
#include "kit/base/time.hpp"
#include "kit/http/detail/chars.hpp"
#include "kit/http/detail/fields.hpp"
#include "kit/http/detail/random.hpp"
#include "kit/http/error_response.hpp"

namespace kit::http {
namespace {

using std::chrono::sys_seconds;

bool is_tag_char(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte == 0x21 || (byte >= 0x23 && byte != 0x7F);
}

/// The tag at the start of `text`, which becomes what follows.
std::optional<EntityTag> take_tag(std::string_view& text) {
  std::string_view rest = text;
  EntityTag tag;
  if (rest.starts_with("W/")) {
    tag.is_weak = true;
    rest.remove_prefix(2);
  }
  if (!rest.starts_with('"')) return std::nullopt;
  const std::size_t end = rest.find('"', 1);
  if (end == std::string_view::npos) return std::nullopt;
  tag.opaque = rest.substr(1, end - 1);
  if (!std::ranges::all_of(tag.opaque, is_tag_char)) return std::nullopt;
  text = rest.substr(end + 1);
  return tag;
}

sys_seconds now_in_seconds() {
  return std::chrono::floor<std::chrono::seconds>(sys_seconds::clock::time_point(
      std::chrono::duration_cast<sys_seconds::clock::duration>(Timestamp::now().since_epoch)));
}

/// The value of a field that may stand in several lines, as one list.
std::optional<std::string> joined(const Request& request, std::string_view name) {
  std::optional<std::string> all;
  for (const Header& header : request.headers) {
    if (!iequals(header.name, name)) continue;
    if (all) {
      all->append(", ").append(header.value);
    } else {
      all = std::string(header.value);
    }
  }
  return all;
}

std::optional<sys_seconds> date_of(const Request& request, std::string_view name) {
  const std::optional<std::string_view> value = request.header(name);
  if (!value) return std::nullopt;
  return parse_http_date(*value, now_in_seconds());
}

bool matches(const std::string& list, const Validators& validators, TagComparison comparison) {
  if (trim(list) == "*") return validators.exists;
  if (!validators.exists || validators.etag.empty()) return false;
  if (comparison == TagComparison::strong)
    return match_tags(list, validators.etag, comparison) == TagMatch::listed;
  // A list that breaks off still says what the client has.
  const std::optional<EntityTag> own = parse_entity_tag(validators.etag);
  std::string_view rest = list;
  while (const std::optional<EntityTag> tag = next_entity_tag(rest)) {
    if (own && tag->opaque == own->opaque) return true;
  }
  return false;
}

/// Whether the client's part belongs to what is there now (RFC 9110 section 13.1.5). A date is
/// good only when the second it names is over: within it the content may have changed twice.
bool range_condition_holds(const Request& request, const Validators& validators) {
  const std::optional<std::string_view> condition = request.header("If-Range");
  if (!condition) return true;
  if (const std::optional<EntityTag> tag = parse_entity_tag(trim(*condition))) {
    return match_tags(*condition, validators.etag, TagComparison::strong) == TagMatch::listed;
  }
  const sys_seconds now = now_in_seconds();
  const std::optional<sys_seconds> date = parse_http_date(*condition, now);
  return date && validators.last_modified == date && *date < now;
}

void set_error(const Request& request, const Error& error, Response& response) {
  detail::drop_field(response, "Content-Encoding");
  detail::drop_field(response, "Content-Type");
  Response rendered = error_response(error, request.request_id);
  response.status = rendered.status;
  response.content_type = rendered.content_type;
  response.body = std::move(rendered.body);
  response.static_body = {};
  response.stream.reset();
}

Selection select_bytes(const Request& request, const Validators& validators, std::uint64_t size,
                       std::string_view content_type) {
  Selection selection;
  const std::optional<std::string_view> field = request.header("Range");
  std::optional<std::vector<ByteRange>> ranges;
  if (field && request.method == Method::get && range_condition_holds(request, validators))
    ranges = parse_byte_ranges(*field, size);
  if (!ranges) {
    selection.parts.push_back({{}, 0, size});
    return selection;
  }
  const std::string of_size = "/" + std::to_string(size);
  if (ranges->empty()) {
    selection.status = 416;
    selection.content_range = "bytes *" + of_size;
    return selection;
  }
  selection.status = 206;
  const auto text_of = [&](const ByteRange& range) {
    return "bytes " + std::to_string(range.first) + '-' + std::to_string(range.last) + of_size;
  };
  if (ranges->size() == 1) {
    selection.content_range = text_of(ranges->front());
    selection.parts.push_back({{}, ranges->front().first, ranges->front().size()});
    return selection;
  }
  // A delimiter only has to be absent from the content; 128 random bits are, and nobody who wrote
  // the content could know them.
  const std::string boundary = detail::random_boundary();
  selection.content_type = "multipart/byteranges; boundary=" + boundary;
  std::string text;
  for (const ByteRange& range : *ranges) {
    text.append("--").append(boundary).append("\r\n");
    if (!content_type.empty()) text.append("Content-Type: ").append(content_type).append("\r\n");
    text.append("Content-Range: ").append(text_of(range)).append("\r\n\r\n");
    selection.parts.push_back({std::exchange(text, "\r\n"), range.first, range.size()});
  }
  selection.parts.push_back({"\r\n--" + boundary + "--\r\n", 0, 0});
  return selection;
}

void make_not_modified(Response& response) {
  response.status = 304;
  response.content_type = {};
  response.body.clear();
  response.static_body = {};
  response.stream.reset();
  detail::drop_field(response, "Content-Encoding");
  detail::drop_field(response, "Content-Type");
}

void make_precondition_failed(const Request& request, Response& response) {
  set_error(request,
            Error(Code::aborted, "the resource is not in the state that the request asks for")
                .with_reason("PRECONDITION_FAILED")
                .with_http_status(412),
            response);
}

void make_range_not_satisfiable(const Request& request, std::string content_range,
                                Response& response) {
  set_error(request,
            Error(Code::out_of_range, "no range of the request is within the content")
                .with_reason("RANGE_NOT_SATISFIABLE")
                .with_http_status(416),
            response);
  response.headers.emplace_back("Content-Range", std::move(content_range));
}

}  // namespace

std::optional<EntityTag> parse_entity_tag(std::string_view text) {
  std::optional<EntityTag> tag = take_tag(text);
  if (!text.empty()) return std::nullopt;
  return tag;
}

std::optional<EntityTag> next_entity_tag(std::string_view& list) {
  list = detail::trim_blanks(list);
  while (list.starts_with(',')) list = detail::trim_blanks(list.substr(1));
  std::string_view rest = list;
  const std::optional<EntityTag> tag = take_tag(rest);
  if (!tag) return std::nullopt;
  rest = detail::trim_blanks(rest);
  if (!rest.empty() && rest.front() != ',') return std::nullopt;
  list = rest.substr(std::min<std::size_t>(rest.size(), 1));
  return tag;
}

TagMatch match_tags(std::string_view list, std::string_view tag, TagComparison comparison) {
  if (detail::trim_blanks(list) == "*") return TagMatch::listed;
  const std::optional<EntityTag> own = parse_entity_tag(tag);
  bool any = false;
  bool listed = false;
  while (const std::optional<EntityTag> each = next_entity_tag(list)) {
    any = true;
    if (!own || each->opaque != own->opaque) continue;
    listed |= comparison == TagComparison::weak || (!own->is_weak && !each->is_weak);
  }
  if (!any || !detail::trim_blanks(list).empty()) return TagMatch::malformed;
  return listed ? TagMatch::listed : TagMatch::unlisted;
}

Precondition evaluate_preconditions(const Request& request, const Validators& validators) {
  const bool reads = request.method == Method::get || request.method == Method::head;
  if (const std::optional<std::string> list = joined(request, "If-Match")) {
    if (!matches(*list, validators, TagComparison::strong)) return Precondition::failed;
  } else if (validators.last_modified) {
    const std::optional<sys_seconds> since = date_of(request, "If-Unmodified-Since");
    if (since && *validators.last_modified > *since) return Precondition::failed;
  }
  if (const std::optional<std::string> list = joined(request, "If-None-Match")) {
    if (!matches(*list, validators, TagComparison::weak)) return Precondition::proceed;
    return reads ? Precondition::not_modified : Precondition::failed;
  }
  if (reads && validators.last_modified) {
    const std::optional<sys_seconds> since = date_of(request, "If-Modified-Since");
    if (since && *validators.last_modified <= *since) return Precondition::not_modified;
  }
  return Precondition::proceed;
}

std::uint64_t Selection::size() const {
  std::uint64_t sum = 0;
  for (const Part& part : parts) sum += part.text.size() + part.size;
  return sum;
}

bool check_conditions(const Request& request, const Validators& validators, Response& response) {
  if (!validators.etag.empty()) response.headers.emplace_back("ETag", validators.etag);
  if (validators.last_modified)
    response.headers.emplace_back("Last-Modified", format_http_date(*validators.last_modified));
  response.headers.emplace_back("Accept-Ranges", "bytes");
  switch (evaluate_preconditions(request, validators)) {
    case Precondition::proceed:
      return true;
    case Precondition::not_modified:
      make_not_modified(response);
      return false;
    case Precondition::failed:
      make_precondition_failed(request, response);
      return false;
  }
  return true;
}

Selection choose_part(const Request& request, const Validators& validators, std::uint64_t size,
                      Response& response) {
  Selection selection = select_bytes(request, validators, size, response.content_type);
  if (selection.status == 200) return selection;
  if (selection.status == 416) {
    make_range_not_satisfiable(request, selection.content_range, response);
    return selection;
  }
  response.status = selection.status;
  if (selection.content_type.empty()) {
    response.headers.emplace_back("Content-Range", selection.content_range);
  } else {
    response.content_type = {};
    response.headers.emplace_back("Content-Type", selection.content_type);
  }
  return selection;
}

void apply_conditions(const Request& request, const Validators& validators, Response& response) {
  if (!check_conditions(request, validators, response)) return;
  const bool is_static = !response.static_body.empty();
  const std::string_view all = is_static ? response.static_body : std::string_view(response.body);
  const Selection selection = choose_part(request, validators, all.size(), response);
  if (selection.status != 206) return;
  if (is_static && selection.parts.size() == 1) {
    response.static_body = all.substr(selection.parts[0].offset, selection.parts[0].size);
    return;
  }
  std::string body;
  body.reserve(selection.size());
  for (const Selection::Part& part : selection.parts)
    body.append(part.text).append(all.substr(part.offset, part.size));
  response.static_body = {};
  response.body = std::move(body);
}

}  // namespace kit::http
