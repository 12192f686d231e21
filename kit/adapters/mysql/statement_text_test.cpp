// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/mysql/detail/statement_text.hpp"

#include <gtest/gtest.h>

#include "kit/adapters/mysql/detail/catalogue.hpp"

namespace kit::mysql::detail {
namespace {

/// "1:t.c 2:" for the places of a statement.
std::string places(std::string_view sql) {
  auto text = read_statement(sql);
  if (!text) return text.error().message();
  std::string out;
  for (const Place& place : text->places) {
    if (!out.empty()) out += ' ';
    out += std::to_string(place.parameter + 1) + ":";
    if (!place.table.empty()) out += place.table + ".";
    out += place.column;
    if (place.cast != Temporal::none) out += "cast";
  }
  return out;
}

TEST(MysqlStatementText, NumbersBecomePlaces) {
  auto text = read_statement("SELECT ?2, ?1, ?2 -- ?3\n, '?4', \"?5\", `?6` /* ?7 */ || ?10");
  ASSERT_TRUE(text.ok()) << text.error().describe();
  EXPECT_EQ(text->sql, "SELECT ?, ?, ?  \n, '?4', \"?5\", `?6`   || ?");
  EXPECT_EQ(text->parameters, 10u);
  ASSERT_EQ(text->places.size(), 4u);
  EXPECT_EQ(text->places[2].parameter, 1u);
  EXPECT_FALSE(read_statement("SELECT ?").ok());
  EXPECT_FALSE(read_statement("SELECT ? 1").ok());
  EXPECT_FALSE(read_statement("SELECT ?0").ok());
  EXPECT_TRUE(read_statement("SELECT ?1000").ok());
  EXPECT_FALSE(read_statement("SELECT ?1001").ok());
  EXPECT_FALSE(read_statement("SELECT 'x").ok());
}

TEST(MysqlStatementText, WhatTheServerReadsInCommentsStays) {
  EXPECT_EQ(read_statement("SELECT /*+ NO_ICP(t) */ 1--2")->sql, "SELECT /*+ NO_ICP(t) */ 1 ");
}

TEST(MysqlStatementText, ParametersMeetColumns) {
  EXPECT_EQ(places("SELECT * FROM t WHERE At >= ?1 AND ?2 <> t.\"by\""), "1:at 2:t.by");
  EXPECT_EQ(places("SELECT * FROM t WHERE a IN (?1, ?2) AND b NOT IN (?3)"), "1:a 2:a 3:b");
  EXPECT_EQ(places("SELECT * FROM t WHERE a BETWEEN ?1 AND ?2 AND b = ?3"), "1:a 2:a 3:b");
  EXPECT_EQ(places("SELECT * FROM t WHERE a NOT BETWEEN ?1 AND ?2"), "1:a 2:a");
  EXPECT_EQ(places("SELECT * FROM t WHERE (a, x.b) > (?1, ?2)"), "1:a 2:x.b");
  EXPECT_EQ(places("UPDATE t SET a = ?2, b = b + ?3 WHERE id <=> ?1"), "2:a 3: 1:id");
  EXPECT_EQ(places("INSERT INTO t (a, \"b\", c) VALUES (?1, lower(?2), ?3), (?4, ?5, 1)"),
            "1:t.a 2: 3:t.c 4:t.a 5:t.b");
  EXPECT_EQ(places("INSERT INTO t (a, b, c) SELECT 'x', ?1, coalesce(?2, 1) FROM u WHERE u.d = ?3"),
            "1:t.b 2: 3:u.d");
  EXPECT_EQ(places("SELECT CAST(?1 AS DATETIME(6)), CAST(?2 AS CHAR)"), "1:cast 2:");
  EXPECT_EQ(places("SELECT * FROM t LIMIT ?1"), "1:");
}

TEST(MysqlStatementText, Kinds) {
  EXPECT_TRUE(read_statement("SELECT 1")->is_read);
  EXPECT_TRUE(read_statement("(SELECT 1) UNION (SELECT 2)")->is_read);
  EXPECT_TRUE(read_statement("WITH a AS (SELECT 1) SELECT * FROM a")->is_read);
  EXPECT_FALSE(read_statement("WITH a AS (SELECT 1) DELETE FROM t")->is_read);
  EXPECT_FALSE(read_statement("SELECT 1 INTO OUTFILE '/x'")->is_read);
  EXPECT_FALSE(read_statement("INSERT INTO t VALUES (1)")->is_read);
  EXPECT_TRUE(read_statement("create table t (a int)")->changes_schema);
  EXPECT_FALSE(read_statement("CREATE TEMPORARY TABLE t (a int)")->changes_schema);
  EXPECT_FALSE(read_statement("SELECT \"create\"")->changes_schema);
  EXPECT_EQ(read_statement("UPDATE Orders o SET a = 1")->target, "orders");
}

TEST(MysqlStatementText, TheCatalogueKnowsWhatAColumnIs) {
  Catalogue catalogue;
  catalogue.add(0, "T", "", "");
  catalogue.add(1, "T", "At", "datetime");
  catalogue.add(1, "u", "day", "date");
  const auto kind = [&](std::string_view sql) {
    auto text = read_statement(sql);
    return catalogue.kind_of(*text, text->places.front());
  };
  EXPECT_EQ(kind("SELECT 1 FROM t WHERE at = ?1"), Temporal::timestamp);
  EXPECT_EQ(kind("SELECT 1 FROM t AS x JOIN u ON u.id = x.id WHERE x.at = ?1"),
            Temporal::timestamp);
  EXPECT_EQ(kind("SELECT 1 FROM t AS x JOIN u ON u.id = x.id WHERE day = ?1"), Temporal::date);
  EXPECT_EQ(kind("SELECT 1 FROM t, u WHERE u.at = ?1"), Temporal::none);
  EXPECT_EQ(kind("SELECT 1 FROM (SELECT at FROM t) AS s WHERE s.at = ?1"), Temporal::timestamp);
  EXPECT_EQ(kind("DELETE FROM t WHERE id = ?1"), Temporal::none);
  EXPECT_FALSE(catalogue.knows(*read_statement("SELECT 1 FROM t, u")));
}

}  // namespace
}  // namespace kit::mysql::detail
