// SPDX-License-Identifier: Apache-2.0
// Rows through COPY, which has no place in a pipeline: the connection leaves that mode for it.
#include <utility>

#include "kit/adapters/postgres/detail/copy.hpp"
#include "kit/adapters/postgres/detail/loop_pool.hpp"
#include "kit/db/insert_rows.hpp"

namespace kit::postgres::detail {
namespace {

/// Bytes between two turns of the loop.
constexpr std::size_t part_bytes = 64 * 1024;

/// Puts the rows of a source into a COPY.
class RowWriter {
 public:
  RowWriter(std::span<const Oid> types, db::RowSource next) : types_(types), next_(next) {}

  /// Fills the stream up to a part; false: that was the last row.
  Result<bool> fill() {
    while (stream_.size() < part_bytes) {
      Result<bool> more = db::next_row(next_, types_.size(), row_);
      if (!more.ok() || !*more) return more;
      KIT_TRY(arguments_.set(row_, types_));
      KIT_TRY(append_copy_row(stream_, arguments_, types_));
      ++rows_;
    }
    return true;
  }
  std::string& stream() { return stream_; }
  std::int64_t rows() const { return rows_; }

 private:
  std::span<const Oid> types_;
  db::RowSource next_;
  std::vector<db::Parameter> row_;
  Arguments arguments_;
  std::string stream_ = std::string(copy_head());
  std::int64_t rows_ = 0;
};

}  // namespace

Task<std::shared_ptr<const Statement>> LoopPool::types_of(std::shared_ptr<Connection> connection,
                                                          std::string_view sql,
                                                          std::size_t parameters) {
  if (auto known = find(sql)) co_return known;
  Attempt attempt;
  Task<std::shared_ptr<const Statement>> describing =
      describe(connection, sql, parameters, &attempt);
  co_return co_await std::move(describing);
}

Task<std::int64_t> LoopPool::copy_in(std::shared_ptr<Connection> connection, std::string copy,
                                     std::shared_ptr<const Statement> row, db::RowSource next) {
  // Whatever was sent before has been answered then.
  const auto settled = connection->run_plain("", Request::Kind::statement);
  ReplyWait settling(connection, settled);
  co_await settling;
  if (settled->failure) co_return to_error(*settled->failure, copy);
  if (settled->lost) co_return settled->lost->clone();
  const auto request = connection->begin_copy(copy);
  ReplyWait beginning(connection, request);
  co_await beginning;
  const RequestUse use(connection, request);
  RowWriter writer(row->types, next);
  std::optional<Error> problem;
  bool is_complete = false;
  for (bool more = true; more && request->copying;) {
    Result<bool> filled = writer.fill();
    if (!filled) problem = std::move(filled).error();
    more = filled.ok() && *filled;
    if (!more) writer.stream().append(copy_tail());
    if (problem || !connection->put_copy(*request, writer.stream())) break;
    is_complete = !more;
    writer.stream().clear();
    FlushWait flushing(connection, request);
    co_await flushing;
    co_await sleep_for(Clock::duration::zero());
  }
  connection->end_copy(*request, is_complete ? nullptr : "not all rows could be sent");
  ReplyWait ending(connection, request);
  co_await ending;
  if (problem) co_return std::move(*problem);
  if (request->failure) co_return to_error(*request->failure, copy);
  if (request->lost) co_return request->lost->clone();
  if (!request->done) co_return connection_error("it asked for rows again");
  co_return writer.rows();
}

}  // namespace kit::postgres::detail
