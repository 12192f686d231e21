// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/transfer.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/text.hpp"
#include "kit/csv/csv.hpp"
#include "kit/db/import.hpp"
#include "kit/http/query.hpp"
#include "kit/http/upload.hpp"
#include "kit/json/writer.hpp"
#include "kit/record/list.hpp"
#include "kit/rest/detail/item_problems.hpp"
#include "kit/rest/entity_tag.hpp"
#include "kit/rest/request.hpp"

namespace kit::rest {
namespace {

constexpr std::int64_t page_rows = 500;
constexpr std::string_view csv_type = "text/csv; charset=utf-8";

/// A parameter of a transfer; the first value is what it is when it is not given.
struct Choice {
  std::string_view name;
  std::array<std::string_view, 2> values;
  bool is_second = false;
};

Error bad_parameter(std::string_view name, std::string description) {
  return Error(Code::invalid_argument, "the query has invalid parameters")
      .with_reason("PARAMETERS_INVALID")
      .with_violation(std::string(name), std::move(description));
}

/// Takes the choices out of a query and yields the rest of it.
Result<std::string> take_choices(std::string_view query, std::span<Choice> choices) {
  std::string rest;
  std::vector<std::string_view> given;
  for (const std::string_view part : split(query, '&')) {
    const std::string_view name = part.substr(0, part.find('='));
    const auto choice = std::ranges::find(choices, name, &Choice::name);
    if (choice == choices.end()) {
      if (!part.empty()) rest.append(rest.empty() ? "" : "&").append(part);
      continue;
    }
    if (std::ranges::find(given, name) != given.end()) return bad_parameter(name, "is given twice");
    given.push_back(name);
    const std::string_view value = part.substr(std::min(name.size() + 1, part.size()));
    if (std::ranges::find(choice->values, value) == choice->values.end()) {
      std::string problem = "must be ";
      problem.append(choice->values[0]);
      if (choice->values[1] != choice->values[0]) problem.append(" or ").append(choice->values[1]);
      return bad_parameter(name, std::move(problem));
    }
    choice->is_second = value == choice->values[1];
  }
  return rest;
}

/// An export has all pages, and rows as they are stored.
Result<> refuse_paging(std::string_view query) {
  constexpr std::array<std::string_view, 6> of_lists = {"limit", "cursor", "page",
                                                        "total", "expand", "fields"};
  for (const std::string_view part : split(query, '&')) {
    // As the reader of lists understands it: `p%61ge` would leave rows out.
    const auto name = http::percent_decode(part.substr(0, part.find('=')), true);
    if (name && std::ranges::find(of_lists, *name) != of_lists.end()) {
      return bad_parameter(*name, "is for lists; an export has every row");
    }
  }
  return {};
}

db::ImportTarget& target_of(Backend& backend, std::string_view name) {
  const auto found = std::ranges::find_if(
      backend.transfers, [&](const auto& target) { return target->name() == name; });
  KIT_ASSERT(found != backend.transfers.end(), "nothing of this name can be transferred");
  return **found;
}

/// What is sent while the answer is.
struct Export {
  db::ImportTarget* target = nullptr;
  std::unique_ptr<db::ImportTarget> seen;  ///< When the caller does not see all columns.
  std::optional<Caller> caller;            ///< Whose rows they are, also when they are sent.
  const db::ListTable* table = nullptr;
  db::ListQuery query;
  bool guarded = true;
  std::unique_ptr<db::Transaction> snapshot;
};

Task<std::optional<std::string>> next_page(Export& work, db::RecordSink sink) {
  // The handler has ended, and with it that this is done for its caller.
  Context context;
  context.set_caller(work.caller ? &*work.caller : nullptr);
  Context::Scope scope(context);
  Task<std::optional<std::string>> paging = work.target->page(*work.snapshot, work.query, sink);
  Result<std::optional<std::string>> paged = co_await as_result(std::move(paging));
  scope.leave();
  co_return co_await std::move(paged);
}

/// One page at a time is in memory; the next one is read when this one was taken.
Task<> write_rows(std::shared_ptr<Export> work, http::BodyWriter& out) {
  std::string text;
  const auto columns = work->target->columns();
  const std::vector<csv::Field> header(columns.begin(), columns.end());
  csv::write_record(text, header, work->guarded);
  auto sink = [&](std::span<const csv::Field> fields) -> Result<> {
    csv::write_record(text, fields, work->guarded);
    return {};
  };
  while (true) {
    Task<std::optional<std::string>> paging = next_page(*work, sink);
    const std::optional<std::string> next = co_await std::move(paging);
    if (!next) work->snapshot.reset();
    co_await out.write(text);
    if (!next) co_return;
    text.clear();
    work->query.after = co_await db::decode_cursor(*work->table, work->query, *next);
  }
}

Error too_many(std::int64_t rows, std::int64_t limit) {
  return Error(Code::invalid_argument, "the export would have " + std::to_string(rows) +
                                           " rows, at most " + std::to_string(limit) +
                                           " are allowed (api.export_rows); narrow it by filters")
      .with_reason("EXPORT_TOO_LARGE");
}

Error refused(const db::ImportReport& report) {
  std::vector<FieldViolation> violations;
  for (const db::RowProblem& problem : report.problems) {
    if (violations.size() == detail::max_violations) break;
    std::string place = "lines[" + std::to_string(problem.line) + "]";
    if (!problem.column.empty()) place.append(".").append(problem.column);
    violations.push_back({std::move(place), problem.description});
  }
  return Error(Code::invalid_argument,
               "nothing was imported: " + std::to_string(report.problems.size()) +
                   " problems with the file")
      .with_reason("IMPORT_REFUSED")
      .with_violations(std::move(violations));
}

http::Response report_response(const db::ImportReport& report, bool dry_run) {
  http::Response response = json_response();
  json::Writer out(response.body);
  out.begin_object();
  out.key("dry_run");
  out.boolean(dry_run);
  out.member("inserted", report.inserted);
  out.member("updated", report.updated);
  out.member("unchanged", report.unchanged);
  out.end_object();
  return response;
}

}  // namespace

Task<http::Response> export_rows(const http::Request& request, Backend& backend,
                                 std::string_view name, const db::ListTable& table,
                                 const ListOptions& options) {
  std::array<Choice, 2> choices = {
      {{"format", {"csv", "csv"}}, {"formulas", {"guarded", "plain"}}}};
  const std::string query = co_await take_choices(request.query, choices);
  co_await refuse_paging(query);
  co_await refuse_conditions(request);
  ListRequest asked = co_await read_list(query, table, options);
  const auto work = std::make_shared<Export>();
  work->target = &target_of(backend, name);
  work->seen = work->target->for_caller();
  if (work->seen) work->target = work->seen.get();
  if (current_caller != nullptr) work->caller = *current_caller;
  work->table = &table;
  work->query = std::move(asked.query);
  work->query.limit = page_rows;
  work->guarded = !choices[1].is_second;
  work->snapshot = co_await backend.database().begin_read();
  const db::RowLimit limit = work->target->row_limit();
  const std::int64_t rows = co_await record::count(*work->snapshot, table, work->query, limit);
  if (rows > backend.limits.export_rows) co_return too_many(rows, backend.limits.export_rows);
  http::Response response;
  response.content_type = csv_type;
  response.headers.emplace_back(
      "Content-Disposition", "attachment; filename=\"" + std::string(work->target->file()) + "\"");
  response.stream =
      http::stream_from([work](http::BodyWriter& out) { return write_rows(work, out); });
  co_return response;
}

Task<http::Response> import_rows(http::Request& request, Backend& backend, std::string_view name) {
  std::array<Choice, 2> choices = {
      {{"dry_run", {"false", "true"}}, {"formulas", {"guarded", "plain"}}}};
  const std::string query = co_await take_choices(request.query, choices);
  if (!query.empty()) {
    const std::string_view first = std::string_view(query).substr(0, query.find_first_of("=&"));
    co_return bad_parameter(first.substr(0, 64),
                            "is no parameter here; known are: dry_run, formulas");
  }
  co_await refuse_conditions(request);
  if (request.header("Idempotency-Key")) {
    co_return Error(Code::invalid_argument,
                    "an import takes no Idempotency-Key: rows have keys, so it can be repeated")
        .with_reason("IDEMPOTENCY_KEY_INVALID");
  }
  http::UploadOptions upload;
  upload.directory = std::filesystem::temp_directory_path().string();
  upload.max_bytes = backend.limits.import_bytes;
  Task<http::UploadedFile> receiving = http::receive_body(request, std::move(upload));
  const http::UploadedFile file = co_await std::move(receiving);
  db::ImportTarget& target = target_of(backend, name);
  csv::Reader reader =
      co_await csv::Reader::of_descriptor(file.descriptor(), std::string(target.file()));
  db::ImportOptions options;
  options.dry_run = choices[0].is_second;
  options.guarded = !choices[1].is_second;
  Task<db::ImportReport> importing =
      db::import_reader(backend.database(), target, std::move(reader), std::move(options));
  const db::ImportReport report = co_await std::move(importing);
  if (!report.problems.empty()) co_return refused(report);
  co_return report_response(report, choices[0].is_second);
}

}  // namespace kit::rest
