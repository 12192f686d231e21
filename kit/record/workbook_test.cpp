// SPDX-License-Identifier: Apache-2.0
// Every type of field through a workbook and back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <limits>

#include "kit/async/epoll_loop.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/run.hpp"
#include "kit/db/row_file.hpp"
#include "kit/record/csv_fields.hpp"

namespace kit::record {
namespace {

struct All {
  std::int64_t key = 0;
  std::int32_t small = 0;
  std::string text;
  std::optional<std::string> note;
  bool truth = false;
  double real = 0;
  float single = 0;
  Decimal money;
  Timestamp at;
  Date day;
  TimeOfDay time;
  std::chrono::microseconds length{0};
  Uuid uuid;
  std::string bytes;
  std::string document;
  std::vector<std::string> tags;
  friend bool operator==(const All&, const All&) = default;
};

constexpr std::string_view names[] = {"key",    "small", "text",     "note", "truth", "real",
                                      "single", "money", "at",       "day",  "time",  "length",
                                      "uuid",   "bytes", "document", "tags"};

void write(CsvWriter& out, const All& row) {
  out.add(row.key);
  out.add(row.small);
  out.add(row.text);
  out.add(row.note);
  out.add(row.truth);
  out.add(row.real);
  out.add(row.single);
  out.add(row.money);
  out.add(row.at);
  out.add(row.day);
  out.add(row.time);
  out.add(row.length);
  out.add(row.uuid);
  out.add_bytes(row.bytes);
  out.add(row.document);
  out.add(row.tags);
}

Result<All> read(std::span<const csv::Field> fields) {
  std::vector<CsvColumn> columns;
  for (const std::string_view name : names) columns.push_back({name, name});
  CsvReader in(columns, fields);
  All row;
  in.read(row.key);
  in.read(row.small);
  in.read(row.text);
  in.read(row.note);
  in.read(row.truth);
  in.read(row.real);
  in.read(row.single);
  in.read_decimal(row.money, 18, 4);
  in.read(row.at);
  in.read(row.day);
  in.read(row.time);
  in.read(row.length);
  in.read(row.uuid);
  in.read_bytes(row.bytes);
  in.read_json(row.document);
  in.read(row.tags);
  KIT_TRY(in.status());
  return row;
}

std::vector<All> samples() {
  const auto at = [](std::string_view text) { return *Timestamp::parse(text); };
  All plain{.key = 1,
            .small = -5,
            .text = "plain",
            .note = "",
            .truth = true,
            .real = 0.1,
            .single = 0.1F,
            .money = Decimal(125'000, 4),
            .at = at("2021-01-31T13:45:00.123456Z"),
            .day = *Date::parse("2021-01-31"),
            .time = *TimeOfDay::parse("13:45:00.000001"),
            .length = std::chrono::microseconds(-1),
            .uuid = *Uuid::parse("0190163d-8694-739b-aea5-966c26f8ad91"),
            .bytes = std::string("\0\xff", 2),
            .document = "{\"a\":[1,null]}",
            .tags = {"a", "b\""}};
  All odd = plain;
  odd.key = (1LL << 53) + 1;
  odd.small = std::numeric_limits<std::int32_t>::min();
  odd.text = "";
  odd.note = std::nullopt;
  odd.truth = false;
  odd.real = 0.1 + 0.2;
  odd.single = std::numeric_limits<float>::max();
  odd.money = Decimal(999'999'999'999'999'999, 4);
  odd.at = at("0001-01-01T00:00:00Z");
  odd.day = *Date::parse("0001-01-01");
  odd.bytes = "";
  odd.tags = {};
  All edge = plain;
  edge.key = std::numeric_limits<std::int64_t>::min();
  edge.text = "=HYPERLINK(\"http://x\")\r\n\x01_x0041_";
  edge.note = "'";
  edge.real = -0.0;
  edge.single = 1e-30F;
  edge.money = Decimal(-1, 4);
  edge.at = at("9999-12-31T23:59:59.999999Z");
  edge.day = *Date::parse("9999-12-31");
  edge.time = *TimeOfDay::parse("23:59:59.999999");
  edge.length = std::chrono::hours(87'600'000);
  All first = plain;
  first.real = std::numeric_limits<double>::denorm_min();
  first.day = *Date::parse("1900-02-28");
  first.key = (1LL << 53) - 1;
  first.document = "\"'\"";
  return {plain, odd, edge, first};
}

Task<std::vector<All>> there_and_back(std::vector<All> rows, db::RowFormat format) {
  db::RowFileOptions options;
  options.format = format;
  options.title = "All";
  options.directory = std::filesystem::temp_directory_path().string();
  Task<std::unique_ptr<db::RowFile>> making = db::make_row_file(names, std::move(options));
  const std::unique_ptr<db::RowFile> file = co_await std::move(making);
  std::string path = (std::filesystem::temp_directory_path() / "kit-workbook-XXXXXX").string();
  const int descriptor = ::mkstemp(path.data());
  ::unlink(path.c_str());
  std::string bytes;
  for (const All& row : rows) {
    CsvWriter out;
    write(out, row);
    co_await file->add(out.fields());
    co_await file->flush();
    bytes += file->take();
  }
  co_await file->finish();
  while (true) {
    const std::string piece = co_await file->rest();
    if (piece.empty()) break;
    bytes += piece;
  }
  EXPECT_EQ(::write(descriptor, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
  Task<std::unique_ptr<csv::Source>> opening =
      db::open_rows(descriptor, "All", format, std::string());
  const std::unique_ptr<csv::Source> source = co_await std::move(opening);
  ::close(descriptor);
  std::vector<All> back;
  csv::Record record;
  co_await source->next(record);
  while (true) {
    const bool more = co_await source->next(record);
    if (!more) break;
    All row = co_await read(record.fields);
    back.push_back(std::move(row));
  }
  co_return back;
}

TEST(Workbook, EveryTypeOfFieldComesBack) {
  if (!db::check_available(db::RowFormat::xlsx)) GTEST_SKIP() << "built without libxlsxwriter";
  for (const db::RowFormat format : {db::RowFormat::csv, db::RowFormat::xlsx}) {
    auto loop = make_epoll_loop();
    ASSERT_TRUE(loop.ok());
    Result<std::vector<All>> back = run(**loop, there_and_back(samples(), format));
    ASSERT_TRUE(back.ok()) << back.error().message();
    const std::vector<All> rows = samples();
    ASSERT_EQ(back->size(), rows.size());
    for (std::size_t i = 0; i < rows.size(); ++i) {
      EXPECT_TRUE((*back)[i] == rows[i]) << db::to_string(format) << " row " << i;
      EXPECT_EQ(std::signbit((*back)[i].real), std::signbit(rows[i].real));
    }
  }
}

/// Files without names that this process holds open.
std::size_t unnamed_files() {
  std::size_t count = 0;
  std::error_code gone;
  for (const auto& each : std::filesystem::directory_iterator("/proc/self/fd")) {
    const std::string path = std::filesystem::read_symlink(each.path(), gone).string();
    if (path.find("(deleted)") != std::string::npos) ++count;
  }
  return count;
}

Task<> begin_and_give_up() {
  db::RowFileOptions options;
  options.format = db::RowFormat::xlsx;
  options.directory = std::filesystem::temp_directory_path().string();
  Task<std::unique_ptr<db::RowFile>> making = db::make_row_file(names, std::move(options));
  const std::unique_ptr<db::RowFile> file = co_await std::move(making);
  for (int i = 0; i < 2'000; ++i) {
    CsvWriter out;
    write(out, samples().front());
    co_await file->add(out.fields());
  }
  EXPECT_GT(unnamed_files(), 0U);
  // Another thread writes on while nobody waits for it any more.
  Task<> limited = with_deadline(Clock::duration{1}, file->flush());
  const Result<> flushed = co_await as_result(std::move(limited));
  EXPECT_FALSE(flushed.ok());
}

TEST(Workbook, GivenUpLeavesNothing) {
  if (!db::check_available(db::RowFormat::xlsx)) GTEST_SKIP() << "built without libxlsxwriter";
  const std::size_t before = unnamed_files();
  auto loop = make_epoll_loop();
  ASSERT_TRUE(loop.ok());
  const Result<> ended = run(**loop, begin_and_give_up());
  EXPECT_TRUE(ended.ok());
  const Clock::time_point limit = Clock::now() + std::chrono::seconds(30);
  while (unnamed_files() != before && Clock::now() < limit)
    ::usleep(1'000);  // polls: another thread
  EXPECT_EQ(unnamed_files(), before);
}

}  // namespace
}  // namespace kit::record
