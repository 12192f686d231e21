// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::db {

/// The reads of a session: what `Database::replica` is where there is none. `inner` takes care that
/// nothing which `query` runs writes. Lifetime: `inner` outlives it.
class ReadOnlySession final : public Session {
 public:
  explicit ReadOnlySession(Session& inner) : inner_(inner) {}

  Task<> query(std::string_view sql, std::span<const Parameter> parameters, RowSink sink) override {
    return inner_.query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view, std::span<const Parameter>) override {
    co_return Error(Code::failed_precondition, "a write where only reads are possible")
        .with_reason("READ_ONLY");
  }
  Dialect dialect() const override { return inner_.dialect(); }

 private:
  Session& inner_;
};

}  // namespace kit::db
