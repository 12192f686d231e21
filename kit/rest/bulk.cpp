// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/bulk.hpp"

#include <algorithm>
#include <array>

#include "kit/async/operation.hpp"
#include "kit/base/text.hpp"
#include "kit/json/reader.hpp"
#include "kit/rest/detail/item_problems.hpp"
#include "kit/rest/detail/shown_name.hpp"
#include "kit/rest/entity_tag.hpp"
#include "kit/rest/nested.hpp"
#include "kit/rest/request.hpp"

namespace kit::rest {
namespace {

/// Items between two turns of the loop: some milliseconds of work.
constexpr std::size_t batch_items = 64;

/// One of the lists of a bulk request and what is done with its items.
struct Operation {
  std::string_view name;
  Task<> (BulkTarget::*call)(std::string_view text, json::Writer& out);
};

/// In the order in which they are done.
constexpr std::array<Operation, 3> operations = {{
    {"delete", &BulkTarget::remove},
    {"update", &BulkTarget::update},
    {"create", &BulkTarget::create},
}};

/// The texts of the items, by operation. Lifetime: the body's.
using Items = std::array<std::vector<std::string_view>, operations.size()>;

Error bad_body(std::string field, std::string description) {
  return Error(Code::invalid_argument, "the request has invalid fields")
      .with_reason("FIELDS_INVALID")
      .with_violation(std::move(field), std::move(description));
}

Result<> read_items(json::Reader& in, const std::string& name, std::size_t& room,
                    std::vector<std::string_view>& items) {
  if (!in.begin_array()) {
    if (in.failed()) return in.error().with_reason("BODY_INVALID");
    return bad_body(name, "must be an array");
  }
  while (in.next_element()) {
    const std::optional<std::string_view> text = in.raw_value();
    if (!text) break;
    if (room == 0) return bad_body(name, "has more items than a bulk request may have in all");
    --room;
    items.push_back(*text);
  }
  return {};
}

Result<Items> read_body(std::string_view body, std::size_t max_items) {
  Items items;
  json::Reader in(body);
  if (!in.begin_object()) {
    if (in.failed()) return in.error().with_reason("BODY_INVALID");
    return Error(Code::invalid_argument, "the body must be a JSON object")
        .with_reason("BODY_INVALID");
  }
  std::size_t room = max_items;
  while (const std::optional<std::string_view> name = in.next_key()) {
    const auto found = std::ranges::find(operations, *name, &Operation::name);
    if (found == operations.end()) {
      const std::string shown = detail::shown_name(*name);
      return bad_body(shown, "is not expected: a bulk request has delete, update and create");
    }
    const auto index = static_cast<std::size_t>(found - operations.begin());
    KIT_TRY(read_items(in, std::string(*name), room, items[index]));
  }
  if (!in.finish()) return in.error().with_reason("BODY_INVALID");
  return items;
}

Task<> run_items(const Operation& operation, const std::vector<std::string_view>& items,
                 BulkTarget& target, json::Writer& out, detail::ItemProblems& problems) {
  out.key(operation.name);
  out.begin_array();
  for (std::size_t index = 0; index < items.size(); ++index) {
    Task<> running = (target.*operation.call)(items[index], out);
    Result<> done = co_await as_result(std::move(running));
    if (!done && !detail::is_about_item(done.error())) co_await std::move(done);
    if (!done) {
      std::string place(operation.name);
      place.append("[").append(std::to_string(index)).append("]");
      problems.add(place, std::move(done).error());
    }
    if ((index + 1) % batch_items == 0) co_await sleep_for(Clock::duration::zero());
  }
  out.end_array();
}

/// All lists in one transaction.
Task<http::Response> run_all(const Items& items, std::size_t body_bytes, BulkTarget& target,
                             db::JointWork::Dropped dropped) {
  http::Response response = json_response(200, body_bytes * 2);
  json::Writer out(response.body);
  detail::ItemProblems problems;
  db::JointWork work(detail::begin_nothing, dropped);
  db::JointWork::Entry entry(work);
  out.begin_object();
  for (std::size_t index = 0; index < operations.size(); ++index) {
    Task<> running = run_items(operations[index], items[index], target, out, problems);
    co_await std::move(running);
  }
  out.end_object();
  entry.leave();
  if (problems.any()) {
    work.drop();
    co_return problems.take();
  }
  if (work.is_ready()) co_await work.commit();
  co_return response;
}

}  // namespace

Error detail::in_patch(Error error) {
  // Those of the row itself (its id, its version) have no violations.
  std::vector<FieldViolation> violations = error.violations();
  for (FieldViolation& violation : violations) violation.field.insert(0, "patch.");
  if (violations.empty()) return error;
  return std::move(error).with_violations(std::move(violations));
}

Task<http::Response> bulk(const http::Request& request, Backend& backend, BulkTarget& target) {
  co_await no_parameters(request);
  co_await refuse_conditions(request);
  const Items items = co_await read_body(request.body, backend.limits.bulk_items);
  using db::JointWork;
  Task<http::Response> first =
      run_all(items, request.body.size(), target, JointWork::Dropped::kept);
  Result<http::Response> done = co_await as_result(std::move(first));
  if (done.ok() || !detail::has_ended_transaction(done.error())) co_return std::move(done);
  // Nothing of it is kept; all that is wrong with it is wanted.
  Task<http::Response> again =
      run_all(items, request.body.size(), target, JointWork::Dropped::apart);
  co_return co_await std::move(again);
}

}  // namespace kit::rest
