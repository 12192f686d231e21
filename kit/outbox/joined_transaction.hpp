// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "kit/db/database.hpp"

namespace kit::outbox {

/// A transaction that is somebody else's to commit: what a subscriber's unit of work stands on. Its
/// `commit` only checks. Lifetime: `whole` outlives it.
class JoinedTransaction final : public db::Transaction {
 public:
  explicit JoinedTransaction(db::Transaction& whole) : whole_(whole) {}

  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override;
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override;
  Task<std::unique_ptr<db::Transaction>> begin_nested() override;
  Task<> check() override;
  Task<> commit() override;
  db::Dialect dialect() const override { return whole_.dialect(); }

 private:
  db::Transaction& whole_;
};

}  // namespace kit::outbox
