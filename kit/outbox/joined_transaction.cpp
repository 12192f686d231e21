// SPDX-License-Identifier: Apache-2.0
#include "kit/outbox/joined_transaction.hpp"

namespace kit::outbox {

Task<> JoinedTransaction::query(std::string_view sql, std::span<const db::Parameter> parameters,
                                db::RowSink sink) {
  return whole_.query(sql, parameters, sink);
}

Task<db::Session::Changed> JoinedTransaction::execute(std::string_view sql,
                                                      std::span<const db::Parameter> parameters) {
  return whole_.execute(sql, parameters);
}

Task<std::unique_ptr<db::Transaction>> JoinedTransaction::begin_nested() {
  return whole_.begin_nested();
}

Task<> JoinedTransaction::check() {
  return whole_.check();
}

Task<> JoinedTransaction::commit() {
  return whole_.check();
}

}  // namespace kit::outbox
