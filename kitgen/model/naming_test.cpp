// SPDX-License-Identifier: Apache-2.0
#include "kitgen/model/naming.hpp"

#include <gtest/gtest.h>

namespace kitgen::model {
namespace {

TEST(Naming, SnakeCaseOfPascalCase) {
  EXPECT_EQ(to_snake("MediaType"), "media_type");
  EXPECT_EQ(to_snake("HTTPServer"), "http_server");
  EXPECT_EQ(to_snake("Iso3166Code"), "iso3166_code");
  EXPECT_EQ(to_snake("A"), "a");
  EXPECT_EQ(to_snake("media_type"), "media_type");
  EXPECT_EQ(to_snake(""), "");
}

TEST(Naming, OtherForms) {
  EXPECT_EQ(to_pascal("media_type"), "MediaType");
  EXPECT_EQ(to_pascal("MediaType"), "MediaType");
  EXPECT_EQ(to_camel("media_type"), "mediaType");
  EXPECT_EQ(to_upper("media_type"), "MEDIA_TYPE");
  EXPECT_EQ(to_label("media_type"), "Media type");
}

TEST(Naming, Plurals) {
  const auto check = [](const char* singular, const char* plural) {
    EXPECT_EQ(pluralise(singular), plural);
    EXPECT_EQ(singularise(plural), singular);
  };
  check("category", "categories");
  check("address", "addresses");
  check("genre", "genres");
  check("media_type", "media_types");
  check("invoice_line", "invoice_lines");
  check("box", "boxes");
  check("branch", "branches");
  check("wish", "wishes");
  check("day", "days");
  check("key", "keys");
  check("person", "people");
  check("sales_person", "sales_people");
  check("child", "children");
  check("staff", "staff");
  check("news", "news");
  check("track", "tracks");
  EXPECT_EQ(pluralise("analysis"), "analyses");
  EXPECT_EQ(pluralise("status"), "statuses");
}

TEST(Naming, Identifiers) {
  EXPECT_TRUE(is_identifier("a"));
  EXPECT_TRUE(is_identifier(std::string(63, 'a')));
  EXPECT_FALSE(is_identifier(std::string(64, 'a')));
  for (const char* bad : {"", "1a", "_a", "a-b", "a b", "a.b", "\xC3\xA4", "a\n"})
    EXPECT_FALSE(is_identifier(bad)) << bad;
  EXPECT_TRUE(is_snake_case("first_name2"));
  for (const char* bad : {"First", "a__b", "a_", "aB", "_a"})
    EXPECT_FALSE(is_snake_case(bad)) << bad;
  EXPECT_TRUE(is_pascal_case("HttpServer2"));
  for (const char* bad : {"http", "Http_server", "2Http"}) EXPECT_FALSE(is_pascal_case(bad)) << bad;
}

TEST(Naming, WordsAndArticles) {
  EXPECT_EQ(to_words("media_type"), "media type");
  for (const char* wanted : {"an invoice line", "an album", "a genre", "a unit", "a user",
                             "an umbrella", "an hour", "a house", "a european city", "an order"}) {
    const std::string_view text(wanted);
    EXPECT_EQ(with_article(text.substr(text.find(' ') + 1)), wanted);
  }
  EXPECT_EQ(with_article(""), "a ");
}

TEST(Naming, ReservedWords) {
  EXPECT_EQ(reserved_in("co_yield"), "a reserved word of C++");
  EXPECT_EQ(reserved_in("order"), "a reserved word of SQLite, PostgreSQL and MySQL");
  EXPECT_EQ(reserved_in("rpc"), "a reserved word of proto");
  EXPECT_EQ(reserved_in("typeof"), "a reserved word of TypeScript");
  EXPECT_EQ(reserved_in("errno"), "a name the generated C++ needs");
  // Words people do call their columns.
  for (const char* good : {"name", "title", "bytes", "total", "status", "quantity", "date", "type",
                           "value", "state", "country", "message", "data", "comment"}) {
    EXPECT_EQ(reserved_in(good), std::nullopt) << good;
  }
}

TEST(Naming, ReservedForServices) {
  for (const char* target : {"all", "clean", "edit_cache", "help", "install", "package", "test",
                             "rebuild_cache", "list_install_components"}) {
    EXPECT_EQ(reserved_for_services(target), "a target that every CMake build has") << target;
  }
  for (const char* own : {"kit", "kitgen", "kit_base", "kit_x"}) {
    EXPECT_EQ(reserved_for_services(own), "kept for Kit's own libraries and programs") << own;
  }
  EXPECT_EQ(reserved_for_services("biz"), "a name the generated C++ needs");
  for (const char* good : {"shop", "kite", "kitchen", "tests", "helpdesk"}) {
    EXPECT_EQ(reserved_for_services(good), std::nullopt) << good;
  }
}

}  // namespace
}  // namespace kitgen::model
