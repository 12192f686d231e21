// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/postgres/detail/values.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "kit/adapters/postgres/detail/big_endian.hpp"
#include "kit/adapters/postgres/detail/connect.hpp"
#include "kit/adapters/postgres/detail/errors.hpp"
#include "kit/adapters/postgres/detail/numeric.hpp"
#include "kit/adapters/postgres/detail/server.hpp"
#include "kit/adapters/postgres/detail/statement_text.hpp"
#include "kit/adapters/postgres/detail/types.hpp"

namespace kit::postgres::detail {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

std::string translated(std::string_view sql) {
  auto text = translate(sql);
  return text.ok() ? text->sql + "|" + std::to_string(text->parameters) : text.error().message();
}

TEST(StatementText, ParametersAreNumberedAsPostgresWantsThem) {
  EXPECT_EQ(translated("SELECT ?1, ?12, ?1"), "SELECT $1, $2, $1|12");
  EXPECT_EQ(translated("SELECT '?1', \"?2\", 'it''s ?3' -- ?4\n, ?1 /* ?5 */"),
            "SELECT '?1', \"?2\", 'it''s ?3' -- ?4\n, $1 /* ?5 */|1");
  EXPECT_EQ(translated("a ? 'key' and b = ?1"), "a ? 'key' and b = $1|1");
  EXPECT_EQ(translated("?65535"), "$1|65535");
  EXPECT_THAT(translate("?4 ?2 ?4 ?9")->places, ElementsAre(1, 3, 8));
  EXPECT_EQ(translated("?4 ?2 ?4 ?9"), "$2 $1 $2 $3|9");
  EXPECT_THAT(translated("?65536"), HasSubstr("?1 to ?65535"));
  EXPECT_THAT(translated("?0"), HasSubstr("?1 to ?65535"));
  EXPECT_THAT(translated("SELECT 'open"), HasSubstr("does not end"));
}

/// PostgreSQL's binary form.
std::string numeric(std::int16_t weight, std::uint16_t sign, std::uint16_t scale,
                    std::initializer_list<std::int16_t> groups) {
  std::string bytes;
  auto add = [&bytes](auto value) {
    const auto raw = write_number(value);
    bytes.append(raw.data(), raw.size());
  };
  add(static_cast<std::int16_t>(groups.size()));
  add(weight);
  add(sign);
  add(scale);
  for (const std::int16_t group : groups) add(group);
  return bytes;
}

TEST(Numeric, UnitsAndText) {
  const std::string price = numeric(0, 0, 2, {12, 5'000});
  EXPECT_EQ(numeric_text(price), "12.50");
  EXPECT_EQ(numeric_units(price, 2, Rounding::nearest), 1'250);
  EXPECT_EQ(numeric_units(price, 4, Rounding::nearest), 125'000);
  EXPECT_EQ(numeric_units(price, 0, Rounding::nearest), 13);
  EXPECT_EQ(numeric_units(price, 0, Rounding::down), 12);
  const std::string tiny = numeric(-2, 0x4000, 8, {1});
  EXPECT_EQ(numeric_text(tiny), "-0.00000001");
  EXPECT_EQ(numeric_units(tiny, 8, Rounding::nearest), -1);
  EXPECT_EQ(numeric_units(tiny, 2, Rounding::nearest), 0);
  EXPECT_EQ(numeric_text(numeric(0, 0, 0, {})), "0");
  EXPECT_EQ(numeric_text(numeric(0, 0, 3, {})), "0.000");
  EXPECT_EQ(numeric_text(numeric(2, 0, 0, {1})), "100000000");
  EXPECT_EQ(numeric_text(numeric(0, 0xC000, 0, {})), "NaN");
}

TEST(Numeric, TheLimitsOf64Bits) {
  using Limits = std::numeric_limits<std::int64_t>;
  const std::string least = numeric(4, 0x4000, 0, {922, 3'372, 368, 5'477, 5'808});
  EXPECT_EQ(numeric_units(least, 0, Rounding::nearest), Limits::min());
  const std::string past = numeric(4, 0, 0, {922, 3'372, 368, 5'477, 5'808});
  EXPECT_EQ(numeric_units(past, 0, Rounding::nearest), Limits::max());
  EXPECT_EQ(numeric_units(numeric(20, 0, 0, {1}), 0, Rounding::nearest), Limits::max());
  EXPECT_EQ(numeric_units(numeric(4, 0, 0, {}), 0, Rounding::nearest), 0);
}

TEST(Numeric, AnyBytesAreHarmless) {
  for (std::size_t size = 0; size < 12; ++size) {
    const std::string bytes(size, '\x7F');
    EXPECT_FALSE(numeric_text(bytes).empty());
    numeric_units(bytes, 18, Rounding::nearest);
  }
}

TEST(Numeric, ScaledAsText) {
  EXPECT_EQ(scaled_text({-1'250, 2}), "-12.50");
  EXPECT_EQ(scaled_text({5, 3}), "0.005");
  EXPECT_EQ(scaled_text({-7, 0}), "-7");
  EXPECT_EQ(scaled_text({std::numeric_limits<std::int64_t>::min(), 18}), "-9.223372036854775808");
}

TEST(Arguments, WhatATypeCannotHoldIsRefused) {
  Arguments arguments;
  const std::array<Oid, 1> small{type::int2}, middle{type::int4}, day{type::date},
      moment{type::timestamptz}, id{type::uuid}, other{600};
  auto set = [&](const db::Parameter& value, const std::array<Oid, 1>& types) {
    const std::array<db::Parameter, 1> one{value};
    const Result<> done = arguments.set(one, types);
    return done.ok() ? std::string("ok") : done.error().reason();
  };
  EXPECT_EQ(set(std::int64_t{32'767}, small), "ok");
  EXPECT_EQ(set(std::int64_t{32'768}, small), "VALUE_OUT_OF_RANGE");
  EXPECT_EQ(set(std::int64_t{-2'147'483'648}, middle), "ok");
  EXPECT_EQ(set(std::int64_t{2'147'483'648}, middle), "VALUE_OUT_OF_RANGE");
  EXPECT_EQ(set(std::numeric_limits<std::int64_t>::max(), day), "VALUE_OUT_OF_RANGE");
  EXPECT_EQ(set(std::numeric_limits<std::int64_t>::min(), moment), "VALUE_OUT_OF_RANGE");
  EXPECT_EQ(set(std::string_view("not one"), id), "VALUE_INVALID");
  EXPECT_EQ(set(std::string_view("a\0b", 3), other), "VALUE_INVALID");
}

TEST(Errors, TheColumnsOfAKey) {
  EXPECT_THAT(key_columns("Key (email)=(a@b.c) already exists."), ElementsAre("email"));
  EXPECT_THAT(key_columns("Key (email, country)=(a, b) already exists."),
              ElementsAre("email", "country"));
  EXPECT_THAT(key_columns(R"(Key ("odd, ""name", b)=(1, 2) already exists.)"),
              ElementsAre("odd, \"name", "b"));
  EXPECT_THAT(key_columns("Key (lower(email))=(a) already exists."), IsEmpty());
  EXPECT_THAT(key_columns("Schlüssel (a)=(1) existiert bereits."), ElementsAre("a"));
  EXPECT_THAT(key_columns("Key (a"), IsEmpty());
  EXPECT_THAT(key_columns(""), IsEmpty());
}

TEST(Errors, EveryStateHasAMeaning) {
  auto code = [](std::string state) { return to_error({state, "m", {}, {}}, "SELECT").code(); };
  EXPECT_EQ(code("40001"), Code::aborted);
  EXPECT_EQ(code("57P01"), Code::unavailable);
  EXPECT_EQ(code("08006"), Code::unavailable);
  EXPECT_EQ(code("53100"), Code::resource_exhausted);
  EXPECT_EQ(code("XX001"), Code::data_loss);
  EXPECT_EQ(code("42P01"), Code::internal);
  EXPECT_EQ(code(""), Code::unavailable);
}

TEST(Dsn, WhatItMaySay) {
  auto problem = [](std::string dsn) {
    PostgresOptions options;
    options.dsn = std::move(dsn);
    auto settings = ConnectSettings::read(options, Role::primary);
    return settings.ok() ? (*settings)->shown() : settings.error().violations()[0].description;
  };
  EXPECT_EQ(problem("postgresql://u:secret@a:1,b:2/shop?sslmode=disable"), "a,b:1,2/shop");
  EXPECT_THAT(problem("postgresql://u:secret@a/shop?options=-c%20x"), HasSubstr("options"));
  EXPECT_THAT(problem("postgresql://u:secret@a/shop?service=x"), HasSubstr("service"));
  EXPECT_THAT(problem("postgresql://u:secret@a:b:c/"), Not(HasSubstr("secret")));
  EXPECT_THAT(problem("nonsense secret"), Not(HasSubstr("secret")));
}

}  // namespace
}  // namespace kit::postgres::detail
