// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/transfer.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "kit/async/context.hpp"
#include "kit/base/caller.hpp"
#include "kit/base/text.hpp"
#include "kit/db/import.hpp"
#include "kit/db/row_file.hpp"
#include "kit/http/query.hpp"
#include "kit/http/upload.hpp"
#include "kit/json/writer.hpp"
#include "kit/record/list.hpp"
#include "kit/rest/detail/item_problems.hpp"
#include "kit/rest/detail/row_media.hpp"
#include "kit/rest/entity_tag.hpp"
#include "kit/rest/request.hpp"

namespace kit::rest {
namespace {

constexpr std::int64_t page_rows = 500;

/// A parameter of a transfer; the first value is what it is when it is not given.
struct Choice {
  std::string_view name;
  std::array<std::string_view, 2> values;
  bool is_second = false;
  bool is_given = false;
};

Error bad_parameter(std::string_view name, std::string description) {
  return Error(Code::invalid_argument, "the query has invalid parameters")
      .with_reason("PARAMETERS_INVALID")
      .with_violation(std::string(name), std::move(description));
}

/// Takes the choices out of a query and yields the rest of it.
Result<std::string> take_choices(std::string_view query, std::span<Choice> choices) {
  std::string rest;
  for (const std::string_view part : split(query, '&')) {
    const std::string_view name = part.substr(0, part.find('='));
    const auto choice = std::ranges::find(choices, name, &Choice::name);
    if (choice == choices.end()) {
      if (!part.empty()) rest.append(rest.empty() ? "" : "&").append(part);
      continue;
    }
    if (std::exchange(choice->is_given, true)) return bad_parameter(name, "is given twice");
    const std::string_view value = part.substr(std::min(name.size() + 1, part.size()));
    if (std::ranges::find(choice->values, value) == choice->values.end()) {
      std::string problem = "must be ";
      problem.append(choice->values[0]).append(" or ").append(choice->values[1]);
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

/// Where files are put together and arrive.
Result<std::string> scratch_directory() {
  std::error_code why;
  const std::filesystem::path path = std::filesystem::temp_directory_path(why);
  if (!why) return path.string();
  return Error(Code::unavailable, "there is no folder for temporary files: TMPDIR names none")
      .with_reason("NO_SCRATCH_DIRECTORY");
}

/// Text in a workbook never runs: nothing is guarded there.
Result<> refuse_formulas(const Choice& formulas, db::RowFormat format) {
  if (format == db::RowFormat::csv || !formulas.is_given) return {};
  return bad_parameter(formulas.name, "is for CSV; text in a workbook never runs");
}

/// What is sent while the answer is.
struct Export {
  db::ImportTarget* target = nullptr;
  std::unique_ptr<db::ImportTarget> seen;  ///< When the caller does not see all columns.
  std::optional<Caller> caller;            ///< Whose rows they are, also when they are sent.
  const db::ListTable* table = nullptr;
  db::ListQuery query;
  std::unique_ptr<db::Transaction> snapshot;
  std::unique_ptr<db::RowFile> file;
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

/// Puts all rows into the file and makes it whole, one page in memory at a time; what is ready
/// goes to `out` and the next page is read when that was taken. Null: nothing is ready before.
Task<> write_rows(std::shared_ptr<Export> work, http::BodyWriter* out) {
  auto sink = [&](const csv::Fields& fields) { return work->file->add(fields); };
  while (true) {
    Task<std::optional<std::string>> paging = next_page(*work, sink);
    const std::optional<std::string> next = co_await std::move(paging);
    if (!next) work->snapshot.reset();
    co_await work->file->flush();
    const std::string ready = work->file->take();
    if (out != nullptr && !ready.empty()) co_await out->write(ready);
    if (!next) break;
    work->query.after = co_await db::decode_cursor(*work->table, work->query, *next);
  }
  co_await work->file->finish();
}

Task<> send_rest(std::shared_ptr<Export> work, http::BodyWriter& out) {
  while (true) {
    const std::string piece = co_await work->file->rest();
    if (piece.empty()) co_return;
    co_await out.write(piece);
  }
}

Task<> write_and_send(std::shared_ptr<Export> work, http::BodyWriter& out) {
  co_await write_rows(work, &out);
  co_await send_rest(work, out);
}

/// A file that grows is sent as it does; any other is whole before the answer begins, so that what
/// goes wrong can be told.
Task<> answer_with(std::shared_ptr<Export> work, http::Response& response) {
  if (work->file->grows()) {
    response.stream =
        http::stream_from([work](http::BodyWriter& out) { return write_and_send(work, out); });
    co_return;
  }
  co_await write_rows(work, nullptr);
  response.stream =
      http::stream_from([work](http::BodyWriter& out) { return send_rest(work, out); });
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

/// A file that is none of its kind is refused as one with bad rows is.
Error unreadable(Error error) {
  if (error.code() != Code::invalid_argument) return error;
  std::vector<FieldViolation> violations;
  violations.push_back({"file", error.message()});
  return Error(Code::invalid_argument, "nothing was imported: " + error.message())
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
      {{"format", {"csv", "xlsx"}}, {"formulas", {"guarded", "plain"}}}};
  const std::string query = co_await take_choices(request.query, choices);
  co_await refuse_paging(query);
  co_await refuse_conditions(request);
  const db::RowFormat format = choices[0].is_given
                                   ? static_cast<db::RowFormat>(choices[0].is_second)
                                   : detail::accepted_format(request.header("Accept"));
  co_await detail::check_exportable(format);
  co_await refuse_formulas(choices[1], format);
  ListRequest asked = co_await read_list(query, table, options);
  const auto work = std::make_shared<Export>();
  work->target = &target_of(backend, name);
  work->seen = work->target->for_caller();
  if (work->seen) work->target = work->seen.get();
  if (current_caller != nullptr) work->caller = *current_caller;
  work->table = &table;
  work->query = std::move(asked.query);
  work->query.limit = page_rows;
  work->snapshot = co_await backend.database().begin_read();
  const db::RowLimit limit = work->target->row_limit();
  const std::int64_t rows = co_await record::count(*work->snapshot, table, work->query, limit);
  if (rows > backend.limits.export_rows) co_return too_many(rows, backend.limits.export_rows);
  db::RowFileOptions how;
  how.format = format;
  how.title = name;
  how.is_guarded = !choices[1].is_second;
  if (format == db::RowFormat::xlsx) how.directory = co_await scratch_directory();
  Task<std::unique_ptr<db::RowFile>> making = db::make_row_file(work->target->columns(), how);
  work->file = co_await std::move(making);
  http::Response response;
  response.content_type = detail::media_type(format);
  response.headers.emplace_back("Vary", "Accept");
  response.headers.emplace_back(
      "Content-Disposition",
      "attachment; filename=\"" + db::file_in_format(work->target->file(), format) + "\"");
  co_await answer_with(work, response);
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
  const db::RowFormat format = detail::sent_format(request.header("Content-Type"));
  co_await detail::check_importable(format);
  co_await refuse_formulas(choices[1], format);
  co_await refuse_conditions(request);
  if (request.header("Idempotency-Key")) {
    co_return Error(Code::invalid_argument,
                    "an import takes no Idempotency-Key: rows have keys, so it can be repeated")
        .with_reason("IDEMPOTENCY_KEY_INVALID");
  }
  http::UploadOptions upload;
  upload.directory = co_await scratch_directory();
  upload.max_bytes = backend.limits.import_bytes;
  Task<http::UploadedFile> receiving = http::receive_body(request, std::move(upload));
  const http::UploadedFile file = co_await std::move(receiving);
  db::ImportTarget& target = target_of(backend, name);
  Task<std::unique_ptr<csv::Source>> opening = db::open_rows(
      file.descriptor(), db::file_in_format(target.file(), format), format, std::string());
  Result<std::unique_ptr<csv::Source>> source = co_await as_result(std::move(opening));
  if (!source) co_return unreadable(std::move(source).error());
  db::ImportOptions options;
  options.dry_run = choices[0].is_second;
  options.guarded = format == db::RowFormat::csv && !choices[1].is_second;
  Task<db::ImportReport> importing =
      db::import_rows(backend.database(), target, std::move(source).value(), std::move(options));
  const db::ImportReport report = co_await std::move(importing);
  if (!report.problems.empty()) co_return refused(report);
  co_return report_response(report, choices[0].is_second);
}

}  // namespace kit::rest
