// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "backend.hpp"
#include "kit/async/context.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/async/task_group.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::tests {

using Parameters = std::vector<db::Parameter>;

/// Runs a statement; what it changed.
inline Task<db::Session::Changed> change(db::Session& session, std::string sql,
                                         Parameters parameters = {}) {
  co_return co_await session.execute(sql, parameters);
}

/// The first column of all rows as text, joined by commas.
inline Task<std::string> text(db::Session& session, std::string sql, Parameters parameters = {}) {
  std::string out;
  auto read = [&out](const db::Row& row) -> Result<> {
    if (!out.empty()) out.push_back(',');
    out.append(row.is_null(0) ? "null" : row.text(0));
    return {};
  };
  db::RowSink sink(read);
  co_await session.query(sql, parameters, sink);
  co_return out;
}

/// The number of a metric without labels; -1: there is none of this name.
inline double metric(const telemetry::Registry& registry, const std::string& name) {
  std::string text;
  registry.write_text(text);
  const std::size_t at = text.find("\n" + name + " ");
  return at == text.npos ? -1 : std::stod(text.substr(at + name.size() + 2));
}

/// A new database for each test.
class DatabaseTest : public ::testing::Test {
 protected:
  db::Database& database() { return backend_->database(); }
  Backend& backend() { return *backend_; }

  template <class T>
  Result<T> run(Task<T> task) {
    return kit::run(*loop_, std::move(task));
  }
  /// A statement that has to go well.
  void set_up(const std::string& sql) {
    const auto done = run(change(database(), sql));
    ASSERT_TRUE(done.ok()) << sql << ": " << done.error().describe();
  }
  std::string read(const std::string& sql, Parameters parameters = {}) {
    auto done = run(text(database(), sql, std::move(parameters)));
    return done.ok() ? std::move(done).value() : done.error().describe();
  }
  /// The error of a statement.
  Error error_of(const std::string& sql, Parameters parameters = {}) {
    auto done = run(change(database(), sql, std::move(parameters)));
    if (done.ok()) return Error(Code::ok, "no error");
    return std::move(done).error();
  }
  void make_counter() {
    set_up("CREATE TABLE t (id INTEGER PRIMARY KEY, n INTEGER NOT NULL)" + backend_->table_end());
  }

 private:
  std::unique_ptr<Loop> loop_ = make_epoll_loop().value();
  std::unique_ptr<Backend> backend_ = Backend::make();
};

}  // namespace kit::tests
