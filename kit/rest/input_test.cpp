// SPDX-License-Identifier: Apache-2.0
#include "kit/rest/input.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <optional>

namespace kit::rest {
namespace {

enum class Color : std::uint8_t { red, green };
bool parse(std::string_view text, Color& value) {
  value = text == "green" ? Color::green : Color::red;
  return text == "red" || text == "green";
}
std::span<const std::string_view> names_of(Color) {
  static constexpr std::array<std::string_view, 2> names = {"red", "green"};
  return names;
}

struct Thing {
  std::string name;
  std::optional<std::string> note;
  std::int32_t count = 1;
  Decimal price;
  Color color = Color::red;
  std::string code;
  std::string extra;
  std::string bytes;
};

constexpr Field fields[] = {
    read_only("id"),
    field<&Thing::name>("name", Rule::required),
    field<&Thing::note>("note", Rule::optional),
    field<&Thing::count>("count", Rule::optional),
    field<&Thing::price>("price", Rule::optional, {.precision = 5, .scale = 2}),
    field<&Thing::color>("color", Rule::optional),
    field<&Thing::code>("code", Rule::required_immutable),
    field<&Thing::extra>("extra", Rule::optional, {.text = Format::Text::json}),
    field<&Thing::bytes>("bytes", Rule::optional, {.text = Format::Text::base64}),
};

void validate(const Thing& thing, std::vector<FieldViolation>& violations) {
  if (thing.count < 1) violations.push_back({"count", "must be at least 1"});
}

using Texts = std::vector<std::string>;

/// What is wrong with `body` when it is applied to `thing`: "field: description".
Texts problems(Mode mode, std::string_view body, Thing& thing) {
  Input<Thing> input(fields, mode, validate);
  Texts texts;
  if (const Result<> read = input.read(body); !read) {
    EXPECT_EQ(read.error().reason(), "BODY_INVALID") << body;
    return {"! " + read.error().message()};
  }
  const Result<> applied = input.apply(thing);
  if (applied) return texts;
  for (const FieldViolation& each : applied.error().violations())
    texts.push_back(each.field + ": " + each.description);
  return texts;
}

TEST(Input, CreateTakesValuesAndDefaults) {
  Thing thing;
  EXPECT_EQ(
      problems(
          Mode::create,
          R"({"id":7,"name":"a","code":"c","price":12.5,"color":"green","extra":{"a": [1]},"bytes":"Zm9v"})",
          thing),
      Texts{});
  EXPECT_EQ(thing.name, "a");
  EXPECT_EQ(thing.note, std::nullopt);
  EXPECT_EQ(thing.count, 1);
  EXPECT_EQ(thing.price.to_string(), "12.50");
  EXPECT_EQ(thing.color, Color::green);
  EXPECT_EQ(thing.extra, R"({"a":[1]})");
  EXPECT_EQ(thing.bytes, "foo");
}

TEST(Input, TellsEverythingThatIsWrongAtOnce) {
  Thing thing;
  thing.count = 0;
  const Texts wrong = problems(
      Mode::create, R"({"nam":1,"note":5,"price":"1.234","color":"blue","count":null})", thing);
  EXPECT_EQ(wrong, (Texts{"nam: is no field of this entity (did you mean 'name'?)",
                          "note: must be a string, is a number",
                          "price: must have at most 3 digits before the point and 2 after it",
                          "color: must be one of red, green", "count: must not be null",
                          "name: is required", "code: is required", "count: must be at least 1"}))
      << ::testing::PrintToString(wrong);
}

TEST(Input, PatchChangesOnlyWhatIsGiven) {
  Thing thing{"a", "n", 3, Decimal(100, 2), Color::green, "c", "1", ""};
  EXPECT_EQ(problems(Mode::patch, R"({"note":null,"count":4})", thing), Texts{});
  EXPECT_EQ(thing.name, "a");
  EXPECT_EQ(thing.note, std::nullopt);
  EXPECT_EQ(thing.count, 4);
  EXPECT_EQ(thing.color, Color::green);
  EXPECT_EQ(problems(Mode::patch, R"({"name":null})", thing), Texts{"name: must not be null"});
}

TEST(Input, ReplaceSetsDefaultsAndKeepsTheImmutable) {
  Thing thing{"a", "n", 3, Decimal(100, 2), Color::green, "c", "1", ""};
  EXPECT_EQ(problems(Mode::replace, R"({"name":"b"})", thing), Texts{});
  EXPECT_EQ(thing.note, std::nullopt);
  EXPECT_EQ(thing.count, 1);
  EXPECT_EQ(thing.code, "c");
  EXPECT_EQ(problems(Mode::replace, R"({"name":"b","code":"c"})", thing), Texts{});
  EXPECT_EQ(problems(Mode::replace, R"({"name":"b","code":"d"})", thing),
            Texts{"code: cannot be changed"});
  EXPECT_EQ(thing.code, "c");
}

TEST(Input, RefusesWhatIsNoObject) {
  Thing thing;
  EXPECT_EQ(problems(Mode::create, "[1]", thing),
            Texts{"! the body must be a JSON object, is an array"});
  for (const char* bad : {"", "{", "{\"name\":\"a\"} x", "{\"name\":\"a\",\"name\":\"b\"}",
                          "{\"name\":\"\xFF\"}", "\xEF\xBB\xBF{}", " "}) {
    const Texts wrong = problems(Mode::create, bad, thing);
    ASSERT_EQ(wrong.size(), 1u) << bad;
    EXPECT_TRUE(wrong[0].starts_with("! ")) << wrong[0];
  }
}

TEST(NoInput, TakesNothingOrAnEmptyObject) {
  for (const char* good : {"", "{}", " { } "}) EXPECT_TRUE(no_input(good)) << good;
  for (const char* bad : {"[]", "null", "{", " ", "{} x"}) {
    const Result<> read = no_input(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().reason(), "BODY_INVALID") << bad;
  }
  const Result<> more = no_input(R"({"a":1,"id":{}})");
  ASSERT_FALSE(more);
  EXPECT_EQ(more.error().reason(), "FIELDS_INVALID");
  ASSERT_EQ(more.error().violations().size(), 2u);
  EXPECT_EQ(more.error().violations()[1].field, "id");
  EXPECT_EQ(more.error().violations()[1].description,
            "is not expected: this request takes no fields");
}

TEST(Input, NumbersAtAndPastTheirLimits) {
  Thing thing;
  EXPECT_EQ(problems(Mode::patch, R"({"count":2147483647})", thing), Texts{});
  EXPECT_EQ(problems(Mode::patch, R"({"count":2147483648})", thing),
            Texts{"count: must be a whole number from -2147483648 to 2147483647"});
  EXPECT_EQ(problems(Mode::patch, R"({"count":1.5})", thing),
            Texts{"count: must be a whole number from -2147483648 to 2147483647"});
  EXPECT_EQ(problems(Mode::patch, R"({"price":999.99})", thing), Texts{});
  EXPECT_EQ(problems(Mode::patch, R"({"price":1000})", thing).size(), 1u);
  EXPECT_EQ(problems(Mode::patch, R"({"price":1e2})", thing),
            Texts{"price: must be a decimal number like \"12.50\""});
  EXPECT_EQ(problems(Mode::patch, R"({"name":"a\u0000b"})", thing),
            Texts{"name: must not contain the character U+0000"});
}

TEST(Input, LongUnknownNamesAreCut) {
  Thing thing;
  const std::string fits(64, 'x');
  EXPECT_EQ(problems(Mode::patch, "{\"" + fits + "\":1}", thing),
            Texts{fits + ": is no field of this entity"});
  EXPECT_EQ(problems(Mode::patch, "{\"" + fits + "y\":1}", thing),
            Texts{fits + "...: is no field of this entity"});
  std::string long_name;
  for (int i = 0; i < 100'000; ++i) long_name += "\xC3\xA4";
  const Texts wrong = problems(Mode::patch, "{\"" + long_name + "\":1}", thing);
  EXPECT_EQ(wrong, Texts{long_name.substr(0, 128) + "...: is no field of this entity"});
}

TEST(Input, ManyUnknownMembersAreBounded) {
  std::string body = "{";
  for (int i = 0; i < 500; ++i) body += (i == 0 ? "\"x" : ",\"x") + std::to_string(i) + "\":1";
  Thing thing;
  EXPECT_EQ(problems(Mode::patch, body + "}", thing).size(), 100u);
}

struct Settings {
  std::string theme = "{}";
  std::optional<std::string> extra;
  std::string name;
};
constexpr Field settings_fields[] = {
    field<&Settings::theme>("theme", Rule::optional, {.text = Format::Text::json}),
    field<&Settings::extra>("extra", Rule::optional, {.text = Format::Text::json}),
    field<&Settings::name>("name", Rule::optional),
};

Settings changed(Settings settings, Mode mode, std::string_view body) {
  Input<Settings> input(settings_fields, mode, [](const Settings&, auto&) {});
  EXPECT_TRUE(input.read(body)) << body;
  EXPECT_TRUE(input.apply(settings)) << body;
  return settings;
}

TEST(MergePatches, GoIntoJsonFields) {
  const Settings before{
      .theme = R"({"a":{"b":1,"c":2},"d":[1]})", .extra = R"({"x":1})", .name = ""};
  const auto patched =
      changed(before, Mode::patch,
              R"({"theme":{"a":{"b":null,"e":3},"d":[2]},"extra":{"x":null,"y":{"z":null}}})");
  EXPECT_EQ(patched.theme, R"({"a":{"c":2,"e":3},"d":[2]})");
  EXPECT_EQ(patched.extra, R"({"y":{}})");
  EXPECT_EQ(changed(before, Mode::patch, R"({"extra":null})").extra, std::nullopt);
  EXPECT_EQ(changed({}, Mode::patch, R"({"extra":{"a":null,"b":1}})").extra, R"({"b":1})");
  EXPECT_EQ(changed(before, Mode::patch, R"({"theme":[1]})").theme, "[1]");
  EXPECT_EQ(changed(before, Mode::replace, R"({"theme":{"a":null}})").theme, R"({"a":null})")
      << "PUT is no patch";
}

TEST(MergePatches, MakeAFieldSoLongAndNoLonger) {
  const std::string patch = R"({"theme":{"b":"12345"}})";  // adds ,"b":"12345"
  const auto outcome = [&](std::size_t bytes) {
    Settings settings;
    settings.theme = R"({"a":")" + std::string(bytes - 8, 'x') + "\"}";
    Input<Settings> input(settings_fields, Mode::patch, [](const Settings&, auto&) {});
    EXPECT_TRUE(input.read(patch));
    return input.apply(settings).ok();
  };
  constexpr std::size_t most = 1024 * 1024;
  EXPECT_TRUE(outcome(most - 12));
  EXPECT_FALSE(outcome(most - 11));
}

TEST(Forbidden, FieldsAreRefusedTogetherAndStayAsTheyAre) {
  FieldMask allowed = FieldMask::none(3);
  allowed.add(2);
  Input<Settings> refused(settings_fields, Mode::patch, [](const Settings&, auto&) {}, allowed);
  const Result<> read = refused.read(R"({"theme":{},"name":5,"extra":null})");
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code(), Code::permission_denied);
  EXPECT_EQ(read.error().reason(), "FIELDS_FORBIDDEN");
  ASSERT_EQ(read.error().violations().size(), 2u);
  EXPECT_EQ(read.error().violations()[0].field, "theme");
  Input<Settings> put(settings_fields, Mode::replace, [](const Settings&, auto&) {}, allowed);
  ASSERT_TRUE(put.read(R"({"name":"n"})"));
  Settings settings{.theme = R"({"kept":1})", .extra = "2", .name = "old"};
  ASSERT_TRUE(put.apply(settings));
  EXPECT_EQ(settings.theme, R"({"kept":1})");
  EXPECT_EQ(settings.extra, "2");
  EXPECT_EQ(settings.name, "n");
}

}  // namespace
}  // namespace kit::rest
