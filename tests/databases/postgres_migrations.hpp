// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "doomed_database.hpp"
#include "kit/adapters/postgres/postgres.hpp"
#include "kit/db/migrations.hpp"
#include "server_control.hpp"
#include "suite.hpp"

namespace kit::tests {

using db::Migration;
using db::Migrator;
using Statuses = std::vector<db::MigrationStatus>;

inline Migration migration(std::uint32_t number, const std::string& name, std::string up,
                           std::string down) {
  const std::string file = "000" + std::to_string(number) + "_" + name;
  return {number,      name, std::move(up), std::move(down), file + ".up.sql", file + ".down.sql",
          "postgresql"};
}

inline std::vector<Migration> steps() {
  return {
      migration(1, "start",
                "CREATE TABLE customer (id INTEGER PRIMARY KEY, name VARCHAR(20));\n"
                "INSERT INTO customer (id, name) VALUES (1, 'a'), (2, 'b');\n",
                "DROP TABLE customer;"),
      migration(2, "orders",
                "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER NOT NULL\n"
                "  CONSTRAINT fk_customer REFERENCES customer (id));\n"
                "INSERT INTO orders (id, customer) SELECT id * 10, id FROM customer;\n"
                "-- kit:allow update-all\n"
                "UPDATE customer SET name = name || '!';\n"
                "ALTER TABLE customer ADD COLUMN age INTEGER;\n"
                "-- kit:check no customer may be nameless\n"
                "SELECT id FROM customer WHERE name IS NULL;\n",
                "ALTER TABLE customer DROP COLUMN age;\n"
                "UPDATE customer SET name = replace(name, '!', '');\n"
                "DROP TABLE orders;"),
      migration(3, "indexes",
                "-- kit:no-transaction: indexes are built beside the writers\n"
                "CREATE INDEX CONCURRENTLY ix_age ON customer (age);\n"
                "-- kit:allow update-all\n"
                "UPDATE customer SET age = coalesce(age, 0) + 1;\n"
                "CREATE UNIQUE INDEX CONCURRENTLY ux_name ON customer (name);\n"
                "ALTER TABLE customer ADD COLUMN phone TEXT;\n",
                "-- kit:no-transaction\n"
                "ALTER TABLE customer DROP COLUMN phone;\n"
                "DROP INDEX CONCURRENTLY ux_name;\n"
                "UPDATE customer SET age = NULL;\n"
                "DROP INDEX CONCURRENTLY ix_age;\n"),
  };
}

class PostgresMigrationsTest : public DatabaseTest {
 protected:
  static std::unique_ptr<postgres::PostgresDatabase> open() {
    postgres::PostgresOptions options;
    options.dsn = setting("KIT_TEST_DSN");
    options.prepared = setting("KIT_TEST_PREPARED") == "on";
    return postgres::open(options).value();
  }
  Result<Statuses> up(std::vector<Migration> migrations, db::MigrationOptions options = {}) {
    Migrator migrator(database(), migrations);
    return run(migrator.up(std::move(options)));
  }
  Result<Statuses> down(std::vector<Migration> migrations, std::uint32_t count = 1) {
    Migrator migrator(database(), migrations);
    return run(migrator.down(count));
  }
  /// Tables with all that belongs to them, and their rows.
  std::string state() {
    std::string all = read(
        "SELECT concat_ws(' ', table_name, column_name, data_type, is_nullable) FROM "
        "information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE 'kit_%' "
        "ORDER BY table_name, ordinal_position");
    all += ";" + read(
                     "SELECT pg_get_indexdef(indexrelid) || indisvalid::text FROM pg_index "
                     "WHERE indrelid IN (SELECT oid FROM pg_class WHERE relnamespace = "
                     "'public'::regnamespace AND relname NOT LIKE 'kit_%') ORDER BY 1");
    all += ";" + read(
                     "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE "
                     "connamespace = 'public'::regnamespace AND conrelid::regclass::text NOT LIKE "
                     "'kit_%' ORDER BY 1");
    for (const char* table : {"customer", "orders"}) {
      const std::string there =
          read("SELECT coalesce(to_regclass('" + std::string(table) + "')::text, '')");
      if (there.empty()) continue;
      all += ";" + there + ": " + read("SELECT r::text FROM " + there + " AS r ORDER BY id");
    }
    return all;
  }
  std::string applied() {
    return read("SELECT coalesce(to_regclass('kit_migrations')::text, '')").empty()
               ? "0"
               : read("SELECT count(*)::text FROM kit_migrations");
  }
  std::string journal() {
    return read("SELECT coalesce(to_regclass('kit_migration_journal')::text, '')").empty()
               ? "0"
               : read("SELECT count(*)::text FROM kit_migration_journal");
  }
  void empty() {
    set_up(
        "DROP TABLE IF EXISTS orders, customer, kit_migrations, kit_migration_failures, "
        "kit_migration_journal CASCADE");
  }
  static bool dies(int at, const char* doing) {
    return tests::dies(at, doing, "PostgresMigrations.DISABLED_Child");
  }
  /// Until the query says so, at most ten seconds.
  bool becomes(const std::string& sql, const std::string& wanted) {
    const auto end = Clock::now() + std::chrono::seconds(10);
    while (read(sql) != wanted) {
      if (Clock::now() > end) return false;
      auto pause = []() -> Task<> { co_await sleep_for(std::chrono::milliseconds(10)); };
      EXPECT_TRUE(run(pause()).ok());
    }
    return true;
  }
};

}  // namespace kit::tests
