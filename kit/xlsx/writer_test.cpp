// SPDX-License-Identifier: Apache-2.0
#include "kit/xlsx/writer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <vector>

#include "kit/xlsx/test_reading.hpp"

namespace kit::xlsx {
namespace {

namespace fs = std::filesystem;
using csv::Field;
using csv::FieldKind;
using testing::HasSubstr;

constexpr std::string_view columns[] = {"Key", "Value"};

/// An empty folder, and the descriptors that were open before.
class WriterTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!is_available()) GTEST_SKIP() << "built without libxlsxwriter";
    std::string name = (fs::temp_directory_path() / "kit-xlsx-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = name;
    open_before_ = open_files();
  }
  void TearDown() override {
    if (folder_.empty()) return;
    EXPECT_TRUE(fs::is_empty(folder_)) << "a file was left behind";
    EXPECT_EQ(open_files(), open_before_) << "a descriptor was left open";
    fs::remove_all(folder_);
  }
  static std::size_t open_files() {
    std::size_t count = 0;
    for (const auto& file : fs::directory_iterator("/proc/self/fd"))
      count += file.path().empty() ? 0 : 1;
    return count;
  }

  Result<Writer> open() { return Writer::open(columns, {folder_, "Things"}); }
  static Result<Reader> read(const File& file) {
    return Reader::of_descriptor(file.descriptor(), "Thing.xlsx", {});
  }
  /// What a value becomes, there and back.
  Field there_and_back(const std::string& text, FieldKind kind) {
    Result<Writer> writer = open();
    const std::vector<Field> fields = {"1", text};
    const FieldKind kinds[] = {FieldKind::number, kind};
    const Result<> added = writer->add(csv::Fields(fields, kinds));
    EXPECT_TRUE(added.ok());
    Result<File> file = writer->finish();
    EXPECT_TRUE(file.ok());
    Result<Reader> reader = read(*file);
    EXPECT_TRUE(reader.ok()) << reader.error().message();
    csv::Record record;
    EXPECT_TRUE(*reader->next(record));
    EXPECT_TRUE(*reader->next(record));
    EXPECT_EQ(record.fields[0], Field("1"));
    kept_ = record.fields[1].value_or("nothing");
    return kept_;
  }

  std::string folder_;
  std::string kept_;
  std::size_t open_before_ = 0;
};

TEST_F(WriterTest, EveryKindOfValueComesBack) {
  for (const std::string text : {"",
                                 "'",
                                 "''",
                                 "=1+1",
                                 "+1",
                                 "-1",
                                 "@x",
                                 "'=1",
                                 " x ",
                                 "a\nb\r\nc\td",
                                 "\x01\x1f\x7f",
                                 "_x000D_",
                                 "007",
                                 "1e5",
                                 "true",
                                 "<&>\"'",
                                 "\xf0\x9f\x98\x80",
                                 "\xef\xbf\xbf",
                                 "http://x/",
                                 "{=1}",
                                 "2021-01-31"}) {
    EXPECT_EQ(there_and_back(text, FieldKind::text), text) << text;
  }
  for (const std::string text :
       {"0", "-7", "9007199254740992", "9007199254740993", "-9223372036854775808", "0.1",
        "0.30000000000000004", "123456789012345.678", "-0", "1e+300", "99999999999999.9",
        "0.000000000000000001", "12.5"}) {
    const std::string back(*there_and_back(text, FieldKind::number));
    EXPECT_EQ(std::strtod(back.c_str(), nullptr), std::strtod(text.c_str(), nullptr)) << text;
    if (text.find('e') == std::string::npos) {
      EXPECT_EQ(back, text);
    }
  }
  for (const std::string text : {"true", "false"})
    EXPECT_EQ(there_and_back(text, FieldKind::boolean), text);
  for (const std::string text : {"0001-01-01", "1899-12-31", "1900-01-01", "1900-02-28",
                                 "1900-03-01", "2021-01-31", "9999-12-31"}) {
    EXPECT_EQ(there_and_back(text, FieldKind::date), text);
  }
}

TEST_F(WriterTest, NoValueIsNoCell) {
  Result<Writer> writer = open();
  const std::vector<Field> fields = {"1", std::nullopt};
  ASSERT_TRUE(writer->add(fields).ok());
  Result<File> file = writer->finish();
  ASSERT_TRUE(file.ok());
  EXPECT_EQ(read_all(read(*file)), "1: Key|Value\n2: 1|-\n");
}

TEST_F(WriterTest, CellsHaveTheirLimit) {
  std::string smileys;
  for (std::size_t i = 0; i < max_cell_characters / 2; ++i) smileys += "\xf0\x9f\x98\x80";
  for (const std::string& text : {std::string(max_cell_characters, 'x'), smileys + "x"}) {
    EXPECT_EQ(there_and_back(text, FieldKind::text), text);
    Result<Writer> writer = open();
    const std::string longer = text + "x";
    const std::vector<Field> fields = {"1", longer};
    const Result<> added = writer->add(fields);
    ASSERT_FALSE(added.ok());
    EXPECT_EQ(added.error().reason(), "EXPORT_TOO_LARGE");
    EXPECT_THAT(std::string(added.error().message()),
                HasSubstr("row 2, Value: the text is longer than the 32767"));
  }
  Result<Writer> writer = open();
  const std::vector<Field> fields = {"1", "\xff"};
  EXPECT_FALSE(writer->add(fields).ok());
}

TEST_F(WriterTest, RowsHaveTheirLimitAndMemoryIsBounded) {
  Result<Writer> writer = open();
  const std::vector<Field> fields = {std::nullopt, std::nullopt};
  for (std::size_t row = 2; row <= max_rows; ++row) ASSERT_TRUE(writer->add(fields).ok()) << row;
  const Result<> past = writer->add(fields);
  ASSERT_FALSE(past.ok());
  EXPECT_THAT(std::string(past.error().message()), HasSubstr("1048576 rows"));
}

TEST_F(WriterTest, LeavesNothingBehindUnfinished) {
  Result<Writer> writer = open();
  const std::vector<Field> fields = {"1", "2"};
  ASSERT_TRUE(writer->add(fields).ok());
}

TEST_F(WriterTest, CannotWriteThere) {
  const Result<Writer> writer = Writer::open(columns, {folder_ + "/nowhere", "Things"});
  ASSERT_FALSE(writer.ok());
  EXPECT_THAT(std::string(writer.error().message()), HasSubstr("nowhere"));
}

TEST_F(WriterTest, AFullDiskIsTold) {
  struct rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, SIG_IGN);
  int refused = 0;
  int whole = 0;
  for (rlim_t most = 0; most < 256 * 1024; most += 9'001) {
    struct rlimit limit = before;
    limit.rlim_cur = most;
    Result<Writer> writer = open();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    bool is_whole = true;
    for (int row = 0; row < 500 && is_whole; ++row) {
      const std::string text = std::to_string(row) + " of many rows with different texts";
      const std::vector<Field> fields = {text, text};
      is_whole = writer->add(fields).ok();
    }
    Result<File> file = Error(Code::unknown, "not finished");
    if (is_whole) file = writer->finish();
    ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
    if (!file) {
      ++refused;
      continue;
    }
    ++whole;
    EXPECT_THAT(read_all(read(*file)), HasSubstr("501: 499 of many"));
  }
  EXPECT_GT(refused, 5);
  EXPECT_GT(whole, 0);
}

}  // namespace
}  // namespace kit::xlsx
