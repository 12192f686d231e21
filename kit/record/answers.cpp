// SPDX-License-Identifier: Apache-2.0
#include "kit/record/answers.hpp"

#include <array>

namespace kit::record {
namespace {

constexpr std::string_view forget_sql = R"sql(
  UPDATE kit_idempotency_keys
     SET body = NULL
   WHERE id IN (SELECT answer FROM kit_idempotency_rows WHERE entity = ?1 AND row_id = ?2))sql";

}  // namespace

Task<> forget_answers(db::Session& session, std::string_view entity, std::string_view row) {
  const std::array<db::Parameter, 2> parameters = {entity, row};
  co_await session.execute(forget_sql, parameters);
}

}  // namespace kit::record
