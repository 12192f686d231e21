// SPDX-License-Identifier: Apache-2.0
#include "kit/csv/csv.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace kit::csv {
namespace {

/// "1:a|b;2:c|d" of a text: line and fields, "" in quotes where it is there; an error as
/// "!message", up to the end of the file.
std::string read(Reader reader) {
  std::string seen;
  Record record;
  for (int guard = 0; guard < 1000; ++guard) {
    Result<bool> more = reader.next(record);
    if (more.ok() && !*more) return seen;
    if (!seen.empty()) seen += ';';
    if (!more) {
      seen += "!" + more.error().message();
      EXPECT_EQ(more.error().code(), Code::invalid_argument);
      continue;
    }
    seen += std::to_string(record.line) + ":";
    bool first = true;
    for (const Field& field : record.fields) {
      if (!first) seen += '|';
      first = false;
      seen += field == "" ? "\"\"" : field.value_or("");
    }
  }
  return seen + "...";
}

void check(const std::string& text, const std::string& expected) {
  EXPECT_EQ(read(Reader::from_text(text)), expected) << text;
}

TEST(CsvReader, reads_records) {
  check("", "");
  check("a", "1:a");
  check("a,b\n", "1:a|b");
  check("a,b\r\nc,d\r\n", "1:a|b;2:c|d");
  check("a,b\n,\n", "1:a|b;2:|");
  check(
      "\xef\xbb\xbf"
      "a\nb",
      "1:a;2:b");
  check("a\n\nb\n", "1:a;2:;3:b");
  check("na\xc3\xafve,\xe2\x82\xac\n", "1:na\xc3\xafve|\xe2\x82\xac");
}

TEST(CsvReader, reads_quoted_fields) {
  check("\"a,b\",\"\"\n", "1:a,b|\"\"");
  check("\"\",,\"\"\n,\"\",", "1:\"\"||\"\";2:|\"\"|");
  check("\"\"\n\n\"\"", "1:\"\";2:;3:\"\"");
  check("\"say \"\"hi\"\"\",x\n", "1:say \"hi\"|x");
  check("\"two\nlines\",x\ny,z\n", "1:two\nlines|x;3:y|z");
  check("\"cr\rlf\r\n\"", "1:cr\rlf\r\n");
}

TEST(CsvReader, names_the_place_of_a_mistake_and_goes_on) {
  check("a,b\nx\"y,1\nc,d\n",
        "1:a|b;!line 2, column 2: a quote inside an unquoted field (quote the field and double the "
        "quote);3:c|d");
  check("a,b\n\"x\"y,1\nc,d\n",
        "1:a|b;!line 2, column 4: text after the closing quote of the field that begins at line 2, "
        "column 1;3:c|d");
  check("a,b\n1\n1,2,3\n\nc,d",
        "1:a|b;!line 2, column 1: has 1 field, the first record has 2;!line 3, column 1: has 3 "
        "fields, the first record has 2;!line 4, column 1: an empty line;5:c|d");
  check("a\rb\nc\n", "!line 1, column 2: a carriage return without a line feed;2:c");
  check("a\r", "!line 1, column 2: a carriage return without a line feed");
  check("a,b\n\xc3\xa4,\xff\nc,d", "1:a|b;!line 2, column 3: the field is not valid UTF-8;3:c|d");
  check(std::string("a,b\n1,x\0y\nc,d", 13),
        "1:a|b;!line 2, column 3: the field contains a NUL byte;3:c|d");
}

TEST(CsvReader, an_unclosed_quote_ends_the_file) {
  check("a,b\n1,\"x\ny,z\n", "1:a|b;!line 2, column 3: this quote is never closed");
}

TEST(CsvReader, bounds_a_record) {
  const std::string most(Reader::max_record_bytes, 'x');
  check(most + "\n", "1:" + most);
  check("a\n" + most + "y\nb", "1:a;!line 2, column 1: the record is longer than 1 MiB");
  const std::string quoted = "\"" + std::string(Reader::max_record_bytes - 2, 'x') + "\"";
  check(quoted, "1:" + quoted.substr(1, quoted.size() - 2));
  check("\"x" + quoted.substr(1),
        "!line 1, column 1: the record is longer than 1 MiB; is a closing quote missing?");
}

TEST(CsvReader, reads_a_file_across_its_pieces) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("kit_csv_test_" + std::to_string(::getpid()) + ".csv");
  std::string text;
  for (int i = 0; i < 20000; ++i) {
    text += std::to_string(i) + ",\"caf\xc3\xa9 \"\"" + std::to_string(i * 7) + "\"\"\"\r\n";
  }
  std::ofstream(path) << text;
  Result<Reader> reader = Reader::open(path.string());
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->bytes_total(), text.size());
  Record record;
  int rows = 0;
  while (*reader->next(record)) {
    ASSERT_EQ(record.line, static_cast<std::size_t>(rows) + 1);
    ASSERT_THAT(record.fields,
                testing::ElementsAre(std::to_string(rows),
                                     "caf\xc3\xa9 \"" + std::to_string(rows * 7) + "\""));
    ++rows;
  }
  EXPECT_EQ(rows, 20000);
  EXPECT_EQ(reader->bytes_read(), text.size());
  ASSERT_TRUE(reader->rewind().ok());
  EXPECT_EQ(reader->bytes_read(), 0U);
  ASSERT_TRUE(*reader->next(record));
  EXPECT_EQ(record.line, 1U);
  EXPECT_EQ(record.fields[0], "0");
  std::filesystem::remove(path);
}

TEST(CsvReader, begins_again) {
  Reader reader = Reader::from_text(
      "\xef\xbb\xbf"
      "a,b\n1,\"x");
  EXPECT_TRUE(reader.rewind().ok());
  Record record;
  for (int time = 0; time < 2; ++time) {
    ASSERT_TRUE(*reader.next(record));
    EXPECT_EQ(record.line, 1U);
    EXPECT_EQ(record.fields[0], "a");
    EXPECT_FALSE(reader.next(record).ok());
    EXPECT_FALSE(*reader.next(record)) << "the end, after an unclosed quote";
    EXPECT_TRUE(reader.rewind().ok());
  }
}

TEST(CsvReader, gives_the_bytes_of_the_file_it_reads_though_another_has_its_path) {
  const auto path = std::filesystem::temp_directory_path() /
                    ("kit_csv_test_" + std::to_string(::getpid()) + ".csv");
  std::ofstream(path) << "a\n1\n";
  Result<Reader> reader = Reader::open(path.string());
  ASSERT_TRUE(reader.ok());
  std::ofstream(path.string() + ".new") << "a\n2\n3\n";
  std::filesystem::rename(path.string() + ".new", path);
  std::string bytes(3, '\0');
  EXPECT_EQ(*reader->read_at(0, bytes), 3U);
  EXPECT_EQ(bytes, "a\n1");
  EXPECT_EQ(*reader->read_at(3, bytes), 1U);
  EXPECT_EQ(*reader->read_at(4, bytes), 0U);
  EXPECT_EQ(*reader->read_at(99, bytes), 0U);
  Record record;
  EXPECT_TRUE(*reader->next(record));
  EXPECT_EQ(record.fields[0], "a") << "the records are not skipped";
  std::filesystem::remove(path);

  const Reader text = Reader::from_text("abc");
  EXPECT_EQ(*text.read_at(1, bytes), 2U);
  EXPECT_EQ(bytes.substr(0, 2), "bc");
  EXPECT_EQ(*text.read_at(9, bytes), 0U);
}

TEST(CsvReader, says_why_a_file_does_not_open) {
  auto missing = Reader::open("/nonexistent/x.csv");
  ASSERT_FALSE(missing.ok());
  EXPECT_EQ(missing.error().code(), Code::not_found);
  EXPECT_EQ(missing.error().message(), "/nonexistent/x.csv: No such file or directory");
  auto folder = Reader::open("/");
  ASSERT_FALSE(folder.ok());
  EXPECT_EQ(folder.error().message(), "/: Is a directory");
}

std::string written(std::vector<Field> fields, bool guard = false) {
  std::string out;
  write_record(out, fields, guard);
  return out;
}

TEST(CsvWriter, quotes_where_needed) {
  EXPECT_EQ(written({"a", "", std::nullopt, "c d"}), "a,\"\",,c d\n");
  EXPECT_EQ(written({"a,b", "x\"y", "1\n2", "\r"}), "\"a,b\",\"x\"\"y\",\"1\n2\",\"\r\"\n");
  EXPECT_EQ(written({""}), "\"\"\n");
  EXPECT_EQ(written({std::nullopt}), "\n");
}

TEST(CsvWriter, guards_formulas_on_request) {
  EXPECT_EQ(written({"=1+1", "+x", "-1+1", "@a", "\tb", "a=b"}, true),
            "'=1+1,'+x,'-1+1,'@a,'\tb,a=b\n");
  EXPECT_EQ(written({"\rx", "=a,b"}, true), "\"'\rx\",\"'=a,b\"\n");
  EXPECT_EQ(written({"=1+1"}), "=1+1\n");
}

TEST(CsvWriter, plain_numbers_are_no_formulas) {
  EXPECT_EQ(written({"-1", "+1.50", "-0.000001"}, true), "-1,+1.50,-0.000001\n");
  EXPECT_EQ(written({"-", "-.5", "-1.", "-1e5", "--1", "-1 2"}, true),
            "'-,'-.5,'-1.,'-1e5,'--1,'-1 2\n");
}

TEST(CsvWriter, what_was_guarded_comes_back) {
  for (const std::string& field : {"=1+1", "'=1+1", "''=1", "'", "''", "'a", "a'=b", "-1", "'-1",
                                   "+x", "\t", "'\r", "", "plain", "@", "'@"}) {
    std::string line = written({field}, true);
    Reader reader = Reader::from_text(line);
    Record record;
    ASSERT_TRUE(reader.next(record)) << field;
    EXPECT_EQ(unguarded(record.fields[0].value_or("")), field);
  }
}

}  // namespace
}  // namespace kit::csv
