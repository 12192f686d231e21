// SPDX-License-Identifier: Apache-2.0
#include "kitgen/schema/source.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace kitgen::schema {
namespace {

class TemporaryFolder : public testing::Test {
 protected:
  TemporaryFolder() { std::filesystem::create_directories(path_); }
  ~TemporaryFolder() override { std::filesystem::remove_all(path_); }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  void write(const std::string& name, std::size_t size) const {
    std::ofstream(file(name)) << std::string(size, '#');
  }

 private:
  std::filesystem::path path_ = std::filesystem::path(testing::TempDir()) /
                                ("kit_source_test_" + std::to_string(::getpid()) + "_" +
                                 testing::UnitTest::GetInstance()->current_test_info()->name());
};

using ReadFile = TemporaryFolder;

TEST_F(ReadFile, TakesOneMebibyteAndNotAByteMore) {
  write("at", max_source_bytes);
  write("past", max_source_bytes + 1);
  const auto at = read_file(file("at"));
  ASSERT_TRUE(at.ok());
  EXPECT_EQ(at->size(), max_source_bytes);
  const auto past = read_file(file("past"));
  ASSERT_FALSE(past.ok());
  EXPECT_EQ(past.error().code(), kit::Code::resource_exhausted);
}

TEST_F(ReadFile, RefusesAHundredMegabytesByTheSizeAlone) {
  write("huge", 1);
  std::filesystem::resize_file(file("huge"), 100'000'000);  // sparse: nothing to read is there
  EXPECT_EQ(read_file(file("huge")).error().message(), "the file is larger than 1 MiB");
}

TEST_F(ReadFile, RefusesWhatIsNoFile) {
  std::filesystem::create_directory(file("folder"));
  ASSERT_EQ(::mkfifo(file("fifo").c_str(), 0600), 0);
  EXPECT_EQ(read_file(file("folder")).error().message(), "is a directory");
  EXPECT_EQ(read_file(file("fifo")).error().message(), "is not a regular file");
  EXPECT_EQ(read_file("/dev/zero").error().message(), "is not a regular file");
  EXPECT_EQ(read_file(file("nothing")).error().code(), kit::Code::not_found);
  EXPECT_EQ(read_file(file("folder") + "/x/y").error().code(), kit::Code::not_found);
}

TEST(SourceLines, AreFoundByOffsetAndNumber) {
  const Source source("s.yaml",
                      "\xEF\xBB\xBF"
                      "ab\r\n\xC3\xA9x\n");
  EXPECT_EQ(source.line_count(), 3U);
  EXPECT_EQ(source.line(1), "ab");
  EXPECT_EQ(source.line(2), "\xC3\xA9x");
  EXPECT_EQ(source.line(3), "");
  EXPECT_EQ(source.line(4), "");
  EXPECT_EQ(source.line(0), "");
  EXPECT_EQ(source.position(0), (Position{1, 1}));
  EXPECT_EQ(source.position(6), (Position{2, 2}));  // a character of two bytes is one column
  EXPECT_EQ(source.position(1000).line, 3);
}

}  // namespace
}  // namespace kitgen::schema
