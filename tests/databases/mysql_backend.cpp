// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>

#include "backend.hpp"
#include "kit/adapters/mysql/mysql.hpp"
#include "kit/async/epoll_loop.hpp"
#include "kit/async/run.hpp"
#include "server_control.hpp"

namespace kit::tests {
namespace {

class Mysql final : public Backend {
 public:
  Mysql() {
    mysql::MysqlOptions options;
    options.dsn = Secret<std::string>(setting("KIT_TEST_DSN"));
    // The suite holds nine at once.
    options.connections_per_thread = 16;
    options.lock_wait = std::chrono::seconds(2);
    auto opened = mysql::open(options);
    EXPECT_TRUE(opened.ok()) << opened.error().describe();
    database_ = std::move(opened).value();
    // The database of the URL, made anew by a session that is in it.
    constexpr std::array<std::string_view, 3> statements = {
        "DROP DATABASE conformance", "CREATE DATABASE conformance CHARACTER SET utf8mb4",
        "USE conformance"};
    for (const std::string_view sql : statements) {
      const auto loop = make_epoll_loop().value();
      const auto done = run(*loop, database_->execute(sql, {}));
      EXPECT_TRUE(done.ok()) << done.error().describe();
    }
  }
  db::Database& database() override { return *database_; }
  std::string kinds() const override {
    return "id BIGINT AUTO_INCREMENT PRIMARY KEY, i64 BIGINT, i32 INT, flag BOOLEAN, amount "
           "DECIMAL(18,4), at DATETIME(6), day DATE, clock TIME(6), uid CHAR(36) CHARACTER SET "
           "ascii, doc JSON, label LONGTEXT, data LONGBLOB, ratio DOUBLE";
  }
  std::string identity() const override { return "BIGINT AUTO_INCREMENT PRIMARY KEY"; }
  std::string text(int length) const override { return "VARCHAR(" + std::to_string(length) + ")"; }
  std::string table_end() const override {
    return " ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";
  }
  std::string slow_query(int seconds) const override {
    return "SELECT SLEEP(" + std::to_string(seconds) + ")";
  }
  std::string series(std::int64_t rows) const override {
    return "SELECT seq, REPEAT('x', 200) FROM seq_1_to_" + std::to_string(rows);
  }
  bool locks_serializable_reads() const override { return true; }
  bool has_server() const override { return true; }
  void kill() override { control_server("kill"); }
  void start() override { control_server("start"); }

 private:
  std::unique_ptr<mysql::MysqlDatabase> database_;
};

}  // namespace

std::unique_ptr<Backend> Backend::make() {
  return std::make_unique<Mysql>();
}

}  // namespace kit::tests
