// SPDX-License-Identifier: Apache-2.0
#include "kit/db/detail/late_records.hpp"

#include <algorithm>
#include <iterator>
#include <string_view>

#include "kit/async/operation.hpp"
#include "kit/db/detail/import_parts.hpp"

namespace kit::db::detail {
namespace {

constexpr std::size_t most_bytes = 64 * 1024 * 1024;
/// Tried between two turns of the loop.
constexpr std::size_t batch_rows = 256;

}  // namespace

std::vector<csv::Field> LateRecords::Record::views() const {
  std::vector<csv::Field> views;
  for (const auto& field : fields)
    views.push_back(field ? csv::Field(std::string_view(*field)) : csv::Field());
  return views;
}

bool LateRecords::keep(const Session& session, std::size_t line, std::span<const csv::Field> fields,
                       const Error& error) {
  if (session.dialect() != Dialect::mysql || error.code() != Code::failed_precondition)
    return false;
  Record kept;
  kept.line = line;
  std::size_t bytes = sizeof(Record);
  for (const csv::Field& field : fields) {
    kept.fields.emplace_back(field);
    bytes += sizeof(std::string) + (field ? field->size() : 0);
  }
  if (bytes > most_bytes - bytes_) return false;
  bytes_ += bytes;
  records_.push_back(std::move(kept));
  return true;
}

Task<> LateRecords::store(Session& session, ImportReport& report) {
  for (std::size_t before = 0; !records_.empty() && records_.size() != before;) {
    before = records_.size();
    problems_.clear();
    Task<> storing = store_left(session, report);
    co_await std::move(storing);
  }
  co_await store_unchecked(session, report);
  add_problems_to(report);
}

Task<> LateRecords::store_left(Session& session, ImportReport& report) {
  std::vector<Record> left;
  std::size_t tried = 0;
  while (!records_.empty()) {
    Record record = std::move(records_.back());
    records_.pop_back();
    const std::vector<csv::Field> fields = record.views();
    Result<Stored> stored = co_await as_result(target_.store(session, fields));
    if (stored.ok()) {
      count(report, *stored);
    } else {
      if (!is_about_record(stored.error())) co_await std::move(stored).error();
      problems_.emplace_back(record.line, std::move(stored).error());
      left.push_back(std::move(record));
    }
    if (++tried % batch_rows == 0) co_await sleep_for(Clock::duration::zero());
  }
  records_ = std::move(left);
}

/// What is left refers to nothing, or to each other: with all of it there `verify` knows which.
Task<> LateRecords::store_unchecked(Session& session, ImportReport& report) {
  if (records_.empty() || !target_.has_late_references()) co_return;
  problems_.clear();
  std::vector<const Record*> records;
  for (const Record& record : records_) records.push_back(&record);
  // Nothing but statements is awaited until they are on again: when one is cancelled its
  // connection ends, and with it the setting.
  co_await session.execute("SET SESSION foreign_key_checks = 0", {});
  Result<> done = co_await as_result(store_each(session, records, report));
  co_await session.execute("SET SESSION foreign_key_checks = 1", {});
  co_await std::move(done);
  for (const Record* record : records) {
    if (record != nullptr) co_await verify(session, *record);
  }
}

/// Those that can't be stored all the same become null.
Task<> LateRecords::store_each(Session& session, std::vector<const Record*>& records,
                               ImportReport& report) {
  for (const Record*& record : records) {
    const std::vector<csv::Field> fields = record->views();
    Result<Stored> stored = co_await as_result(target_.store(session, fields));
    if (stored.ok()) {
      count(report, *stored);
      continue;
    }
    if (!is_about_record(stored.error())) co_await std::move(stored).error();
    problems_.emplace_back(record->line, std::move(stored).error());
    record = nullptr;
  }
}

Task<> LateRecords::verify(Session& session, const Record& record) {
  const std::vector<csv::Field> fields = record.views();
  Result<> held = co_await as_result(target_.verify(session, fields));
  if (held.ok()) co_return;
  if (!is_about_record(held.error())) co_await std::move(held).error();
  problems_.emplace_back(record.line, std::move(held).error());
}

void LateRecords::add_problems_to(ImportReport& report) {
  std::ranges::sort(problems_, {}, &std::pair<std::size_t, Error>::first);
  ImportReport late;
  for (const auto& [line, error] : problems_) add_problems(late, line, error);
  std::vector<RowProblem> all;
  std::ranges::merge(report.problems, late.problems, std::back_inserter(all), {}, &RowProblem::line,
                     &RowProblem::line);
  all.resize(std::min(all.size(), max_problems));
  report.problems = std::move(all);
}

}  // namespace kit::db::detail
