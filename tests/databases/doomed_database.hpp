// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "kit/db/database.hpp"

/// Runners of migrations that are killed before and after each of their calls.
namespace kit::tests {

inline constexpr const char* die_at = "KIT_TEST_DIE_AT";
inline constexpr const char* die_doing = "KIT_TEST_DIE_DOING";

/// Ends this process, as kill -9 does, before or after its n-th call of a database.
class Doom {
 public:
  explicit Doom(int at) : left_(at) {}
  void step() {
    if (left_-- == 0) ::raise(SIGKILL);
  }

 private:
  int left_;
};

class DoomedTransaction final : public db::Transaction {
 public:
  DoomedTransaction(std::unique_ptr<db::Transaction> inner, Doom& doom)
      : inner_(std::move(inner)), doom_(doom) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    co_await inner_->query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    doom_.step();
    const Changed changed = co_await inner_->execute(sql, parameters);
    doom_.step();
    co_return changed;
  }
  Task<std::unique_ptr<db::Transaction>> begin_nested() override { return inner_->begin_nested(); }
  Task<> check() override { return inner_->check(); }
  db::Dialect dialect() const override { return inner_->dialect(); }
  Task<> commit() override {
    doom_.step();
    co_await inner_->commit();
    doom_.step();
  }

 private:
  std::unique_ptr<db::Transaction> inner_;
  Doom& doom_;
};

class DoomedDatabase final : public db::Database {
 public:
  DoomedDatabase(db::Database& inner, int at) : inner_(inner), doom_(at) {}
  Task<> query(std::string_view sql, std::span<const db::Parameter> parameters,
               db::RowSink sink) override {
    return inner_.query(sql, parameters, sink);
  }
  Task<Changed> execute(std::string_view sql, std::span<const db::Parameter> parameters) override {
    return inner_.execute(sql, parameters);
  }
  Task<std::unique_ptr<db::Transaction>> begin() override { return doomed(inner_.begin()); }
  Task<std::unique_ptr<db::Transaction>> begin_isolated(db::Isolation isolation) override {
    return doomed(inner_.begin_isolated(isolation));
  }
  Task<std::unique_ptr<db::Transaction>> begin_bulk() override {
    return doomed(inner_.begin_bulk());
  }
  Task<std::unique_ptr<db::Transaction>> begin_schema() override {
    return doomed(inner_.begin_schema());
  }
  Task<std::unique_ptr<db::Transaction>> begin_autocommit() override {
    return doomed(inner_.begin_autocommit());
  }
  Task<std::unique_ptr<db::Transaction>> begin_read() override { return inner_.begin_read(); }
  db::Session& replica() override { return inner_.replica(); }
  db::Dialect dialect() const override { return inner_.dialect(); }
  bool has_transactional_schema() const override { return inner_.has_transactional_schema(); }

 private:
  Task<std::unique_ptr<db::Transaction>> doomed(Task<std::unique_ptr<db::Transaction>> begin) {
    auto transaction = co_await std::move(begin);
    std::unique_ptr<db::Transaction> made =
        std::make_unique<DoomedTransaction>(std::move(transaction), doom_);
    co_return made;
  }

  db::Database& inner_;
  Doom doom_;
};

/// Of the places to kill at, each so many is tried: all of them by `make crash-migrate`.
inline int kill_every() {
  const char* every = std::getenv("KIT_TEST_KILL_EVERY");
  return every == nullptr ? 5 : std::stoi(every);
}

/// Runs a test of this program again, as a process that dies at its n-th call.
inline pid_t start_doomed(int at, const char* doing, const char* child_test) {
  const pid_t child = ::fork();
  if (child != 0) return child;
  ::setenv(die_at, std::to_string(at).c_str(), 1);
  ::setenv(die_doing, doing, 1);
  const std::string filter = std::string("--gtest_filter=") + child_test;
  ::execl("/proc/self/exe", "child", "--gtest_also_run_disabled_tests", filter.c_str(),
          "--gtest_brief=1", nullptr);
  ::_exit(127);
}

inline void end_doomed(pid_t child) {
  int status = 0;
  EXPECT_EQ(::kill(child, SIGKILL), 0);
  EXPECT_EQ(::waitpid(child, &status, 0), child);
}

/// False: it came to its end.
inline bool dies(int at, const char* doing, const char* child_test) {
  const pid_t child = start_doomed(at, doing, child_test);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  if (WIFSIGNALED(status)) {
    EXPECT_EQ(WTERMSIG(status), SIGKILL);
    return true;
  }
  EXPECT_EQ(WEXITSTATUS(status), 0);
  return false;
}

}  // namespace kit::tests
