// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <array>
#include <span>

#include "kit/record/csv_fields.hpp"
#include "kit/record/page.hpp"
#include "kit/record/parameters.hpp"
#include "kit/record/row_reader.hpp"

namespace kit::record {
namespace {

using ThingId = Id<struct ThingTag>;

/// A row of the values a statement was given: what is written can be read back.
class MemoryRow final : public db::Row {
 public:
  explicit MemoryRow(std::span<const db::Parameter> values) : values_(values) {}
  bool is_null(int column) const override {
    return std::holds_alternative<std::nullptr_t>(at(column));
  }
  std::int64_t int64(int column) const override { return std::get<std::int64_t>(at(column)); }
  std::int64_t scaled(int column, int scale) const override {
    const auto& value = std::get<db::Scaled>(at(column));
    EXPECT_EQ(value.scale, scale);
    return value.units;
  }
  double real(int column) const override { return std::get<double>(at(column)); }
  std::string_view text(int column) const override {
    if (const auto* blob = std::get_if<db::Blob>(&at(column))) return blob->bytes;
    return std::get<std::string_view>(at(column));
  }

 private:
  const db::Parameter& at(int column) const { return values_[static_cast<std::size_t>(column)]; }
  std::span<const db::Parameter> values_;
};

TEST(Parameters, EveryTypeComesBack) {
  const std::string text = "caf\xC3\xA9";
  const auto uuid = Uuid::make_v7();
  const Timestamp instant = *Timestamp::parse("2021-01-31T13:45:00.000001Z");
  const Date date = *Date::parse("1969-12-31");
  const std::optional<Decimal> price(Decimal(125, 1));
  Parameters<10> out;
  out.add(ThingId(7));
  out.add(text);
  out.add(std::optional<std::string>());
  out.add(true);
  out.add(2.5);
  out.add(uuid);
  out.add(instant);
  out.add(date);
  out.add_decimal(price, 2);
  out.add_bytes(std::string_view("\0x", 2));
  ASSERT_TRUE(out.status());

  const MemoryRow row(out.span());
  RowReader in(row);
  ThingId id;
  std::string read_text;
  std::optional<std::string> absent = "x";
  bool flag = false;
  double number = 0;
  Uuid read_uuid;
  Timestamp read_instant;
  Date read_date;
  std::optional<Decimal> read_price;
  std::string bytes;
  in.read(id);
  in.read(read_text);
  in.read(absent);
  in.read(flag);
  in.read(number);
  in.read(read_uuid);
  in.read(read_instant);
  in.read(read_date);
  in.read_decimal(read_price, 2);
  in.read(bytes);
  ASSERT_TRUE(in.status());
  EXPECT_EQ(id, ThingId(7));
  EXPECT_EQ(read_text, text);
  EXPECT_EQ(absent, std::nullopt);
  EXPECT_TRUE(flag);
  EXPECT_EQ(number, 2.5);
  EXPECT_EQ(read_uuid, uuid);
  EXPECT_EQ(read_instant, instant);
  EXPECT_EQ(read_date, date);
  EXPECT_EQ(read_price->to_string(), "12.50");
  EXPECT_EQ(bytes, std::string("\0x", 2));
}

TEST(Parameters, ADecimalThatDoesNotFitIsToldAndNewIdsAreNull) {
  Parameters<2> out;
  out.add_new(ThingId());
  out.add_decimal(Decimal(1234, 3), 2);
  EXPECT_FALSE(out.status());
  EXPECT_TRUE(std::holds_alternative<std::nullptr_t>(out.span()[0]));
}

TEST(RowReader, ValuesNoTypeHasAreDataLoss) {
  Parameters<2> out;
  out.add(std::int64_t{1} << 40);
  out.add(std::string_view("no uuid"));
  const MemoryRow row(out.span());
  RowReader in(row);
  std::int32_t number = 0;
  Uuid uuid;
  in.read(number);
  in.read(uuid);
  ASSERT_FALSE(in.status());
  EXPECT_EQ(in.status().error().code(), Code::data_loss);
}

TEST(IdArray, IsJson) {
  const ThingId ids[] = {ThingId(1), ThingId(22)};
  EXPECT_EQ(id_array(std::span<const ThingId>(ids)), "[1,22]");
  EXPECT_EQ(id_array(std::span<const ThingId>()), "[]");
}

constexpr CsvColumn columns[] = {
    {.header = "ThingId", .field = "id"},
    {.header = "Price", .field = "price"},
    {.header = "When", .field = "at"},
    {.header = "Count", .field = "count"},
};

TEST(CsvReader, ReadsWhatFilesHold) {
  const csv::Field fields[] = {"7", "0.9", "2021-01-31T13:45:00", std::nullopt};
  CsvReader in(columns, fields);
  ThingId id;
  Decimal price;
  std::optional<Timestamp> at;
  std::int32_t count = 5;
  in.read(id);
  in.read_decimal(price, 10, 2);
  in.read(at);
  in.read_or_keep(count);
  ASSERT_TRUE(in.status());
  EXPECT_EQ(id, ThingId(7));
  EXPECT_EQ(price.to_string(), "0.90");
  EXPECT_EQ(at->to_string(), "2021-01-31T13:45:00.000000Z");
  EXPECT_EQ(count, 5);
}

TEST(CsvReader, NamesTheColumnsOfWhatIsWrong) {
  const csv::Field fields[] = {"0", "1.234", "yesterday", ""};
  CsvReader in(columns, fields);
  ThingId id;
  Decimal price;
  std::optional<Timestamp> at;
  std::int32_t count = 0;
  in.read(id);
  in.read_decimal(price, 10, 2);
  in.read(at);
  in.read(count);
  in.add({{"price", "must be at least 2"}, {"other", "is odd"}});
  const Result<> status = in.status();
  ASSERT_FALSE(status);
  std::vector<std::string> texts;
  for (const FieldViolation& each : status.error().violations())
    texts.push_back(each.field + ": " + each.description);
  EXPECT_EQ(texts, (std::vector<std::string>{
                       "ThingId: must be a whole number from 1 to 9007199254740991",
                       "Price: must have at most 8 digits before the point and 2 after it",
                       "When: must be a timestamp like 2021-01-31T13:45:00Z", "Count: is required",
                       "other: is odd"}));
}

TEST(CsvReader, TextAndBytesMayBeEmptyAllElseIsAbsentThen) {
  const csv::Field fields[] = {"", "", "", std::nullopt};
  CsvReader in(columns, fields);
  std::optional<std::string> text;
  std::optional<std::string> bytes;
  std::optional<std::int32_t> number = 1;
  std::optional<std::string> absent = "x";
  in.read(text);
  in.read_bytes(bytes);
  in.read(number);
  in.read(absent);
  ASSERT_TRUE(in.status());
  EXPECT_EQ(text, "");
  EXPECT_EQ(bytes, "");
  EXPECT_EQ(number, std::nullopt);
  EXPECT_EQ(absent, std::nullopt);

  CsvReader again(columns, fields);
  std::string required = "x";
  std::string kept = "x";
  std::int32_t count = 0;
  std::string missing;
  again.read(required);
  again.read_or_keep(kept);
  again.read(count);
  again.read(missing);
  EXPECT_EQ(required, "");
  EXPECT_EQ(kept, "");
  const Result<> status = again.status();
  ASSERT_FALSE(status);
  ASSERT_EQ(status.error().violations().size(), 2u);
  EXPECT_EQ(status.error().violations()[0].field, "When");
  EXPECT_EQ(status.error().violations()[1].field, "Count");
}

TEST(CsvWriter, WritesWhatCanBeReadBack) {
  CsvWriter out;
  out.add(ThingId(7));
  out.add(std::optional<std::string>());
  out.add(Decimal(90, 2));
  out.add_bytes(std::string("foo"));
  out.add(true);
  out.add(std::optional<std::string>(""));
  const auto fields = out.fields();
  EXPECT_EQ(std::vector<csv::Field>(fields.begin(), fields.end()),
            (std::vector<csv::Field>{"7", std::nullopt, "0.90", "Zm9v", "true", ""}));
}

enum class Shade : std::uint8_t { dark, pale };
std::string_view to_string(Shade value) {
  return value == Shade::dark ? "dark" : "pale";
}
bool parse(std::string_view text, Shade& value) {
  value = text == "dark" ? Shade::dark : Shade::pale;
  return text == "dark" || text == "pale";
}
[[maybe_unused]] std::span<const std::string_view> names_of(Shade) {
  static constexpr std::array<std::string_view, 2> names = {"dark", "pale"};
  return names;
}

TEST(Parameters, ArraysComeBack) {
  const std::vector<std::string> tags{"a,b", "\"", ""};
  const std::vector<bool> flags{true, false};
  const std::vector<Decimal> prices{Decimal(15, 1), Decimal(2, 0)};
  const std::optional<std::vector<Date>> days;
  const std::vector<Shade> shades{Shade::pale};
  Parameters<5> out;
  out.add(tags);
  out.add(flags);
  out.add_decimal(prices, 2);
  out.add(days);
  out.add(shades);
  ASSERT_TRUE(out.status());
  EXPECT_EQ(std::get<std::string_view>(out.span()[2]), R"(["1.50","2.00"])");

  const MemoryRow row(out.span());
  RowReader in(row);
  std::vector<std::string> read_tags{"old"};
  std::vector<bool> read_flags;
  std::vector<Decimal> read_prices;
  std::optional<std::vector<Date>> read_days{std::in_place};
  std::vector<Shade> read_shades;
  in.read(read_tags);
  in.read(read_flags);
  in.read_decimal(read_prices, 2);
  in.read(read_days);
  in.read(read_shades);
  ASSERT_TRUE(in.status()) << in.status().error().message();
  EXPECT_EQ(read_tags, tags);
  EXPECT_EQ(read_flags, flags);
  EXPECT_EQ(read_prices, prices);
  EXPECT_FALSE(read_days);
  EXPECT_EQ(read_shades, shades);
}

TEST(Parameters, AnArrayOfADecimalThatDoesNotFitIsRefused) {
  Parameters<1> out;
  out.add_decimal(std::vector<Decimal>{Decimal(1005, 3)}, 2);
  EXPECT_FALSE(out.status());
}

TEST(RowReader, AnArrayThatIsNoneIsDataLoss) {
  for (const std::string_view text : {"", "{}", "[1", "[\"a\"]", "[1] [2]", "[null]"}) {
    const db::Parameter stored[] = {text};
    const MemoryRow row(stored);
    RowReader in(row);
    std::vector<std::int32_t> numbers;
    in.read(numbers);
    ASSERT_FALSE(in.status()) << text;
    EXPECT_EQ(in.status().error().code(), Code::data_loss) << text;
  }
}

/// What a CSV field becomes and what is written for it again; or what is wrong.
template <class T>
std::string csv_round_trip(csv::Field text) {
  static constexpr CsvColumn tag_columns[] = {{.header = "Tags", .field = "tags"}};
  const csv::Field fields[] = {text};
  CsvReader in(tag_columns, fields);
  T values{};
  in.read(values);
  if (const Result<> status = in.status(); !status) {
    return "! " + status.error().violations().front().description;
  }
  CsvWriter out;
  out.add(values);
  const csv::Field written = out.fields().front();
  return written ? std::string(*written) : "nothing";
}

TEST(CsvFields, ArraysAreJson) {
  using Texts = std::vector<std::string>;
  EXPECT_EQ(csv_round_trip<Texts>(R"(["a,b", "c"])"), R"(["a,b","c"])");
  EXPECT_EQ(csv_round_trip<Texts>("[]"), "[]");
  EXPECT_EQ(csv_round_trip<Texts>(""), "! is required");
  EXPECT_EQ(csv_round_trip<std::optional<Texts>>(""), "nothing");
  EXPECT_EQ(csv_round_trip<Texts>("[1]"), "! element 1 must be a string, is a number");
  EXPECT_EQ(csv_round_trip<std::vector<Shade>>(R"(["red"])"),
            "! element 1 must be one of dark, pale");
  EXPECT_TRUE(csv_round_trip<Texts>("a;b").starts_with("! must be a JSON array like"))
      << csv_round_trip<Texts>("a;b");
  EXPECT_TRUE(csv_round_trip<Texts>("[\"a\"] x").starts_with("! must be a JSON array like"));
}

}  // namespace
}  // namespace kit::record
