// SPDX-License-Identifier: Apache-2.0
#include "kit/http/upload.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "kit/async/blocking.hpp"
#include "kit/async/run.hpp"
#include "kit/http/detail/temporary_file.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

namespace fs = std::filesystem;

/// A body in pieces of `step` that may end with an error.
class Pieces final : public BodyReader {
 public:
  Pieces(std::string body, std::size_t step, bool breaks = false)
      : body_(std::move(body)), step_(step), breaks_(breaks) {}
  Task<std::string_view> read() override {
    if (at_ >= body_.size()) {
      if (breaks_) co_return Error(Code::cancelled, "the client is gone");
      co_return std::string_view();
    }
    piece_ = body_.substr(at_, step_);
    at_ += piece_.size();
    co_return std::string_view(piece_);
  }

 private:
  std::string body_;
  std::string piece_;
  std::size_t at_ = 0;
  std::size_t step_;
  bool breaks_;
};

std::size_t open_files() {
  const fs::directory_iterator all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

std::string field_part(std::string_view name, std::string_view content) {
  return "--b\r\nContent-Disposition: form-data; name=" + std::string(name) + "\r\n\r\n" +
         std::string(content) + "\r\n";
}
std::string file_part(std::string_view name, std::string_view content) {
  return "--b\r\nContent-Disposition: form-data; name=" + std::string(name) +
         "; filename=\"x.bin\"\r\nContent-Type: image/png\r\n\r\n" + std::string(content) + "\r\n";
}

std::string content_of(const UploadedFile& file) {
  std::string content(file.size(), '\0');
  const ssize_t count = ::pread(file.descriptor(), content.data(), content.size(), 0);
  EXPECT_EQ(count, static_cast<ssize_t>(content.size()));
  return content;
}

class UploadTest : public ::testing::Test {
 protected:
  UploadTest() {
    std::string pattern = ::testing::TempDir() + "kit-upload-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    options_.directory = pattern;
    options_.pool = &pool_;
    before_ = open_files();
  }
  ~UploadTest() override {
    EXPECT_TRUE(fs::is_empty(options_.directory)) << "a file was left behind";
    EXPECT_EQ(open_files(), before_) << "a file was left open";
    fs::remove_all(options_.directory);
  }

  Result<Upload> receive(std::string body, std::size_t step = 1000, bool breaks = false) {
    TestRequest request(Method::post, {{"Content-Type", "multipart/form-data; boundary=b"}});
    Pieces pieces(std::move(body), step, breaks);
    request.stream = &pieces;
    return run(loop_, receive_upload(request, options_));
  }
  /// "413 REASON"
  std::string refusal(std::string body, bool breaks = false) {
    const Result<Upload> upload = receive(std::move(body), 7, breaks);
    if (upload.ok()) return "received";
    EXPECT_TRUE(fs::is_empty(options_.directory));
    return std::to_string(upload.error().http_status()) + " " + upload.error().reason();
  }
  static BlockingPoolOptions in_place() {
    BlockingPoolOptions options;
    options.threads = 0;
    return options;
  }

  testing::VirtualLoop loop_;
  BlockingPool pool_{in_place()};
  UploadOptions options_;
  std::size_t before_ = 0;
};

TEST_F(UploadTest, ReceivesFieldsAndFiles) {
  const std::string large(200'000, 'z');
  for (const std::size_t step : {std::size_t{1}, std::size_t{1000}, std::size_t{1'000'000}}) {
    const Result<Upload> upload =
        receive(field_part("title", "Hi") + file_part("f", large) + file_part("g", "") +
                    field_part("title", "again") + "--b--\r\n",
                step);
    ASSERT_TRUE(upload.ok()) << upload.error().describe();
    EXPECT_EQ(*upload->field("title"), "Hi");
    EXPECT_EQ(upload->field("f"), nullptr);
    EXPECT_EQ(upload->fields.size(), 2U);
    ASSERT_EQ(upload->files.size(), 2U);
    EXPECT_EQ(upload->files[0].field(), "f");
    EXPECT_EQ(upload->files[0].filename(), "x.bin");
    EXPECT_EQ(upload->files[0].content_type(), "image/png");
    EXPECT_EQ(content_of(upload->files[0]), large);
    EXPECT_EQ(upload->files[1].size(), 0U);
    EXPECT_EQ(::lseek(upload->files[0].descriptor(), 0, SEEK_CUR), 0);
    struct ::stat status{};
    ASSERT_EQ(::fstat(upload->files[0].descriptor(), &status), 0);
    EXPECT_EQ(status.st_nlink, 0U) << "it has no name";
    EXPECT_EQ(status.st_mode & 0777, 0600U);
  }
}

TEST_F(UploadTest, ReadsABodyThatIsThereAlready) {
  TestRequest request(Method::post, {{"Content-Type", "multipart/form-data; boundary=b"}});
  const std::string body = field_part("a", "1") + "--b--";
  request.body = body;
  const Result<Upload> upload = run(loop_, receive_upload(request, options_));
  ASSERT_TRUE(upload.ok());
  EXPECT_EQ(*upload->field("a"), "1");
}

TEST_F(UploadTest, HoldsItsLimits) {
  options_.max_file_bytes = 10;
  options_.max_field_bytes = 5;
  options_.max_fields_bytes = 8;
  EXPECT_EQ(refusal(file_part("f", "0123456789") + "--b--"), "received");
  EXPECT_EQ(refusal(file_part("f", "0123456789a") + "--b--"), "413 FILE_TOO_LARGE");
  EXPECT_EQ(refusal(field_part("a", "01234") + field_part("b", "012") + "--b--"), "received");
  EXPECT_EQ(refusal(field_part("a", "012345") + "--b--"), "413 FIELD_TOO_LARGE");
  EXPECT_EQ(refusal(field_part("a", "01234") + field_part("b", "0123") + "--b--"),
            "413 FIELD_TOO_LARGE");
  options_.limits.parts = 1;
  EXPECT_EQ(refusal(file_part("f", "1") + file_part("f", "2") + "--b--"), "413 TOO_MANY_PARTS");
  const std::string body = file_part("f", "1") + "--b--";
  options_.max_bytes = body.size();
  EXPECT_EQ(refusal(body), "received");
  --options_.max_bytes;
  EXPECT_EQ(refusal(body), "413 UPLOAD_TOO_LARGE");
}

TEST_F(UploadTest, KnowsBeforehandWhatIsTooLarge) {
  options_.max_bytes = 3;
  TestRequest request(Method::post, {{"Content-Type", "multipart/form-data; boundary=b"}});
  const std::unique_ptr<BodyReader> body = stream_of("--b--");
  request.stream = body.get();
  const Result<Upload> upload = run(loop_, receive_upload(request, options_));
  ASSERT_FALSE(upload.ok());
  EXPECT_EQ(upload.error().reason(), "UPLOAD_TOO_LARGE");
  const Result<std::string_view> unread = run(loop_, body->read());
  EXPECT_EQ(*unread, "--b--");
}

TEST_F(UploadTest, LeavesNothingBehindWhateverHappens) {
  const std::string file = file_part("f", std::string(100'000, 'x'));
  EXPECT_EQ(refusal(file + "--bx"), "0 MULTIPART_MALFORMED");
  EXPECT_EQ(refusal(file), "0 MULTIPART_MALFORMED") << "it ends early";
  EXPECT_EQ(refusal(file.substr(0, 90'000)), "0 MULTIPART_MALFORMED");
  EXPECT_EQ(refusal(file.substr(0, 90'000), true), "0 ") << "the client goes";
  options_.pool = nullptr;
  TestRequest request(Method::post, {{"Content-Type", "text/plain"}});
  const Result<Upload> other = run(loop_, receive_upload(request, options_));
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().http_status(), 415);
}

TEST_F(UploadTest, AnUploadThatIsCancelledLeavesNothing) {
  TestRequest request(Method::post, {{"Content-Type", "multipart/form-data; boundary=b"}});
  const std::string begin = file_part("f", std::string(100'000, 'x'));
  const std::unique_ptr<BodyReader> body = stream_from([&begin](BodyWriter& out) -> Task<> {
    co_await out.write(begin);
    co_await sleep_for(std::chrono::hours(1));
  });
  request.stream = body.get();
  const Result<Upload> upload =
      run(loop_, with_deadline(std::chrono::seconds(1), receive_upload(request, options_)));
  ASSERT_FALSE(upload.ok());
  EXPECT_EQ(upload.error().code(), Code::deadline_exceeded);
}

TEST_F(UploadTest, NeedsItsDirectory) {
  const std::string directory = std::exchange(options_.directory, "/nonexistent");
  const Result<Upload> upload = receive(file_part("f", "x") + "--b--");
  ASSERT_FALSE(upload.ok());
  EXPECT_EQ(upload.error().reason(), "UPLOAD_FAILED");
  options_.directory = directory;
}

TEST_F(UploadTest, AFullDiskIsSaid) {
  const Result<> written = detail::append_to_file(
      detail::FileDescriptor(::open("/dev/full", O_WRONLY | O_CLOEXEC)).number(), "x");
  ASSERT_FALSE(written.ok());
  EXPECT_EQ(written.error().http_status(), 507);
  EXPECT_EQ(written.error().reason(), "DISK_FULL");
}

TEST_F(UploadTest, FilesHaveNoNameWithoutTmpfileEither) {
  Result<detail::FileDescriptor> file = detail::open_and_unlink_temporary_file(options_.directory);
  ASSERT_TRUE(file.ok());
  EXPECT_TRUE(fs::is_empty(options_.directory));
  EXPECT_TRUE(detail::append_to_file(file->number(), "x").ok());
  EXPECT_FALSE(detail::open_and_unlink_temporary_file("/nonexistent").ok());
}

}  // namespace
}  // namespace kit::http
