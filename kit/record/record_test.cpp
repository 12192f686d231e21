// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

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

TEST(ReferredIds, AreSortedAndDifferent) {
  struct Item {
    std::optional<ThingId> thing;
  };
  const std::vector<Item> items = {{ThingId(3)}, {std::nullopt}, {ThingId(1)}, {ThingId(3)}};
  EXPECT_EQ(referred_ids(items, &Item::thing), (std::vector<ThingId>{ThingId(1), ThingId(3)}));
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
                       "ThingId: must be a whole number from 1",
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

}  // namespace
}  // namespace kit::record
