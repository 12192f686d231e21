// SPDX-License-Identifier: Apache-2.0
#include "kit/http/static_files.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "kit/async/blocking.hpp"
#include "kit/async/run.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

namespace fs = std::filesystem;

class StaticFilesTest : public ::testing::Test {
 protected:
  StaticFilesTest() {
    std::string pattern = ::testing::TempDir() + "kit-static-XXXXXX";
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    base_ = pattern;
    options_.directory = base_ + "/site";
    options_.pool = &pool_;
    fs::create_directories(options_.directory + "/docs");
    fs::create_directories(options_.directory + "/empty");
    write("index.html", "<h1>start</h1>");
    write("app.js", "let a = 1;");
    write("docs/index.html", "<h1>docs</h1>");
    write("docs/a b.txt", "blank");
    write(".secret", "secret");
    std::ofstream(base_ + "/outside.txt") << "outside";
  }
  ~StaticFilesTest() override { fs::remove_all(base_); }

  std::string path(std::string_view name) const {
    return options_.directory + '/' + std::string(name);
  }
  /// Writes a file that was last changed long ago, as far as one can pretend.
  void write(std::string_view name, std::string_view content, time_t modified = 1'000'000'000) {
    std::ofstream(path(name), std::ios::binary) << content;
    const struct timespec times[2] = {{modified, 0}, {modified, 0}};
    EXPECT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, 0), 0);
  }

  Result<Response> serve(std::string_view target, std::vector<Header> headers = {},
                         Method method = Method::get) {
    Router router;
    EXPECT_TRUE(add_static_files(router, "/files", options_));
    TestRequest request(method, std::move(headers));
    request.target = target;
    const std::size_t question = std::min(target.find('?'), target.size());
    request.query = target.substr(std::min(question + 1, target.size()));
    std::vector<std::string_view> parameters;
    std::string scratch;
    const auto match = router.match(method, target.substr(0, question), parameters, scratch);
    if (match.route == nullptr)
      return Error(Code::not_found, "no route").with_reason(std::string(match.allow));
    request.path_parameters = parameters;
    return run(loop_, match.route->handler(request));
  }
  Response get(std::string_view target, std::vector<Header> headers = {}) {
    Result<Response> response = serve(target, std::move(headers));
    EXPECT_TRUE(response.ok()) << target;
    return response.ok() ? std::move(*response) : Response{};
  }
  /// "reason", for what is not served.
  std::string refused(std::string_view target) {
    const Result<Response> response = serve(target);
    return response.ok() ? "served" : response.error().reason();
  }
  std::string body(const Response& response) {
    if (!response.stream) return response.body;
    const Result<std::string> all = run(loop_, read_all(*response.stream));
    EXPECT_TRUE(all.ok());
    EXPECT_EQ(all->size(), response.stream->size());
    return *all;
  }

  static BlockingPoolOptions in_place() {
    BlockingPoolOptions options;
    options.threads = 0;
    return options;
  }

  std::string base_;
  BlockingPool pool_{in_place()};
  StaticFilesOptions options_;
  testing::VirtualLoop loop_;
};

TEST_F(StaticFilesTest, TheFolderItselfLeadsToItsSlash) {
  const Response moved = get("/files");
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(field(moved, "Location"), "files/");
  EXPECT_EQ(field(get("/files?x=1"), "Location"), "files/?x=1");
}

TEST_F(StaticFilesTest, ServesFiles) {
  const Response page = get("/files/");
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(field(page, "Cache-Control"), "no-cache");
  EXPECT_EQ(field(page, "Last-Modified"), "Sun, 09 Sep 2001 01:46:40 GMT");
  EXPECT_EQ(field(page, "Accept-Ranges"), "bytes");
  EXPECT_EQ(field(page, "X-Content-Type-Options"), "nosniff");
  EXPECT_EQ(field(page, "Vary"), "Accept-Encoding");
  EXPECT_EQ(body(page), "<h1>start</h1>");
  EXPECT_EQ(body(get("/files/app.js?v=1")), "let a = 1;");
  EXPECT_EQ(body(get("/files/docs/")), "<h1>docs</h1>");
  EXPECT_EQ(body(get("/files/docs/a%20b.txt")), "blank");
}

TEST_F(StaticFilesTest, HeadKnowsTheSize) {
  const Result<Response> head = serve("/files/app.js", {}, Method::head);
  ASSERT_TRUE(head.ok());
  EXPECT_EQ(head->stream->size(), 10U);
}

TEST_F(StaticFilesTest, AnEmptyFileIsServed) {
  write("none.txt", "");
  EXPECT_EQ(body(get("/files/none.txt")), "");
  EXPECT_EQ(get("/files/none.txt", {{"Range", "bytes=0-"}}).status, 416);
}

TEST_F(StaticFilesTest, OtherMethodsAreNotAllowed) {
  const Result<Response> posted = serve("/files/app.js", {}, Method::post);
  ASSERT_FALSE(posted.ok());
  EXPECT_EQ(posted.error().reason(), "GET, HEAD, OPTIONS");
}

TEST_F(StaticFilesTest, AFolderWithoutItsSlashIsElsewhere) {
  const Response moved = get("/files/docs?x=1");
  EXPECT_EQ(moved.status, 308);
  EXPECT_EQ(field(moved, "Location"), "docs/?x=1");
  EXPECT_EQ(refused("/files/empty"), "FILE_NOT_FOUND");
  EXPECT_EQ(refused("/files/empty/"), "FILE_NOT_FOUND");
  options_.index.clear();
  EXPECT_EQ(refused("/files/docs"), "FILE_NOT_FOUND");
  EXPECT_EQ(refused("/files/docs/"), "FILE_NOT_FOUND");
  EXPECT_EQ(refused("/files/"), "FILE_NOT_FOUND");
}

TEST_F(StaticFilesTest, NothingOutsideIsFound) {
  fs::create_symlink("../outside.txt", path("link.txt"));
  fs::create_symlink("/etc/hostname", path("absolute.txt"));
  fs::create_symlink("/proc/self", path("proc"));
  fs::create_symlink("loop.txt", path("loop.txt"));
  fs::create_symlink("app.js", path("inside.js"));
  ASSERT_EQ(::mkfifo(path("pipe").c_str(), 0600), 0);
  for (const char* target : {"/files/../outside.txt",
                             "/files/%2e%2e/outside.txt",
                             "/files/docs/../../outside.txt",
                             "/files/..%2foutside.txt",
                             "/files/docs%2Findex.html",
                             "/files/docs%2f",
                             "/files/.secret",
                             "/files/%2Esecret",
                             "/files/./app.js",
                             "/files//app.js",
                             "/files/docs//index.html",
                             "/files//etc/hostname",
                             "/files/link.txt",
                             "/files/absolute.txt",
                             "/files/loop.txt",
                             "/files/proc/cmdline",
                             "/files/pipe",
                             "/files/app.js%00.html",
                             "/files/app.js/",
                             "/files/APP.js",
                             "/files/nothing",
                             "/files/app.js/x"}) {
    EXPECT_EQ(refused(target), "FILE_NOT_FOUND") << target;
  }
  EXPECT_EQ(refused("/files/" + std::string(300, 'a')), "FILE_NOT_FOUND");
  EXPECT_EQ(body(get("/files/inside.js")), "let a = 1;");
}

TEST_F(StaticFilesTest, RevalidatesAndCutsRanges) {
  const Response whole = get("/files/app.js");
  const std::string tag = field(whole, "ETag");
  // Just written by this test, so the clock may not have ticked since.
  EXPECT_TRUE(tag.starts_with("W/\"")) << tag;
  const Response known = get("/files/app.js", {{"If-None-Match", tag}});
  EXPECT_EQ(known.status, 304);
  EXPECT_EQ(known.stream, nullptr);
  EXPECT_EQ(field(known, "ETag"), tag);
  EXPECT_EQ(get("/files/app.js", {{"If-Modified-Since", "Sun, 09 Sep 2001 01:46:40 GMT"}}).status,
            304);
  EXPECT_EQ(get("/files/app.js", {{"If-Match", "\"x\""}}).status, 412);
  const Response part = get("/files/app.js", {{"Range", "bytes=4-"}});
  EXPECT_EQ(part.status, 206);
  EXPECT_EQ(field(part, "Content-Range"), "bytes 4-9/10");
  EXPECT_EQ(body(part), "a = 1;");
  const Response parts = get("/files/app.js", {{"Range", "bytes=0-2,-2"}});
  EXPECT_TRUE(field(parts, "Content-Type").starts_with("multipart/byteranges; boundary="));
  const std::string text = body(parts);
  EXPECT_NE(text.find("bytes 0-2/10\r\n\r\nlet\r\n--"), std::string::npos) << text;
  EXPECT_NE(text.find("bytes 8-9/10\r\n\r\n1;\r\n--"), std::string::npos) << text;
}

TEST_F(StaticFilesTest, ATagIsStrongOnceItsFileHasSettled) {
  // The root of the system's time zone files or of any program was not written in this moment.
  options_.directory = "/bin";
  const Response settled = get("/files/sh");
  EXPECT_TRUE(field(settled, "ETag").starts_with('"')) << field(settled, "ETag");
}

TEST_F(StaticFilesTest, ATagFollowsTheContent) {
  const std::string before = field(get("/files/app.js"), "ETag");
  struct ::stat first{};
  struct ::stat second{};
  ASSERT_EQ(::stat(path("app.js").c_str(), &first), 0);
  do {  // same size, same time of modification; the kernel's clock ticks every few milliseconds
    write("app.js", "let a = 2;");
    ASSERT_EQ(::stat(path("app.js").c_str(), &second), 0);
  } while (second.st_ctim.tv_sec == first.st_ctim.tv_sec &&
           second.st_ctim.tv_nsec == first.st_ctim.tv_nsec);
  EXPECT_NE(field(get("/files/app.js"), "ETag"), before);
}

TEST_F(StaticFilesTest, SendsPackedSiblings) {
  write("app.js.gz", "packed by gzip");
  write("app.js.br", "packed by brotli");
  const Response brotli = get("/files/app.js", {{"Accept-Encoding", "gzip, br, zstd"}});
  EXPECT_EQ(field(brotli, "Content-Encoding"), "br");
  EXPECT_EQ(field(brotli, "Vary"), "Accept-Encoding");
  EXPECT_EQ(brotli.content_type, "text/javascript; charset=utf-8");
  EXPECT_EQ(body(brotli), "packed by brotli");
  const Response gzip = get("/files/app.js", {{"Accept-Encoding", "gzip, br;q=0.5"}});
  EXPECT_EQ(field(gzip, "Content-Encoding"), "gzip");
  EXPECT_NE(field(gzip, "ETag"), field(brotli, "ETag"));
  const Response plain = get("/files/app.js");
  EXPECT_EQ(field(plain, "Content-Encoding"), "");
  EXPECT_EQ(field(plain, "Vary"), "Accept-Encoding");
  EXPECT_EQ(field(get("/files/app.js", {{"Accept-Encoding", "zstd"}}), "Content-Encoding"), "");
  write("app.js", "let a = 3;", 1'000'000'001);
  EXPECT_EQ(field(get("/files/app.js", {{"Accept-Encoding", "gzip"}}), "Content-Encoding"), "")
      << "the sibling is older";
  options_.is_precompressed = false;
  EXPECT_EQ(field(get("/files/app.js", {{"Accept-Encoding", "br"}}), "Vary"), "");
}

TEST_F(StaticFilesTest, NamesWithAHashAreForEver) {
  write("app.3f9a2c41.js", "x");
  fs::create_directories(path("assets"));
  write("assets/index-B4xY3z_Q.js", "x");
  EXPECT_EQ(field(get("/files/app.3f9a2c41.js"), "Cache-Control"),
            "public, max-age=31536000, immutable");
  EXPECT_EQ(field(get("/files/assets/index-B4xY3z_Q.js"), "Cache-Control"), "no-cache");
  options_.immutable_folders = {"assets/"};
  EXPECT_EQ(field(get("/files/assets/index-B4xY3z_Q.js"), "Cache-Control"),
            "public, max-age=31536000, immutable");
}

TEST_F(StaticFilesTest, FallsBackToTheApplicationsPage) {
  options_.fallback = "index.html";
  const std::vector<Header> browser{{"Accept", "text/html,*/*;q=0.8"}};
  const Response page = get("/files/orders/17", browser);
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.content_type, "text/html; charset=utf-8");
  EXPECT_EQ(body(page), "<h1>start</h1>");
  EXPECT_EQ(refused("/files/orders/17"), "FILE_NOT_FOUND") << "a script asks for no page";
  EXPECT_FALSE(serve("/files/missing.js", browser).ok());
  EXPECT_FALSE(serve("/files/.env", browser).ok());
}

TEST_F(StaticFilesTest, StreamsInPieces) {
  std::string large(200'000, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>('a' + i % 23);
  write("large.bin", large);
  const Response response = get("/files/large.bin");
  EXPECT_EQ(response.stream->size(), large.size());
  const Result<std::string_view> first = run(loop_, response.stream->read());
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->size(), 64U * 1024);
  EXPECT_EQ(std::string(*first), large.substr(0, 64 * std::size_t{1024}));
  EXPECT_EQ(body(get("/files/large.bin")), large);
}

TEST_F(StaticFilesTest, AFileThatGrowsSendsNoMoreThanAnnounced) {
  const Response response = get("/files/app.js");
  std::ofstream(path("app.js"), std::ios::app) << "more";
  const Result<std::string> all = run(loop_, read_all(*response.stream));
  ASSERT_FALSE(all.ok()) << "nor the old length of new content";
  EXPECT_EQ(all.error().reason(), "FILE_CHANGED");
}

TEST_F(StaticFilesTest, AFileThatShrinksEndsTheAnswer) {
  write("large.bin", std::string(100'000, 'x'));
  const Response response = get("/files/large.bin");
  ASSERT_TRUE(run(loop_, response.stream->read()).ok());
  fs::resize_file(path("large.bin"), 70'000);
  const Result<std::string> rest = run(loop_, read_all(*response.stream));
  ASSERT_FALSE(rest.ok());
  EXPECT_EQ(rest.error().code(), Code::data_loss);
}

TEST_F(StaticFilesTest, AFileThatIsReplacedIsSentAsItWas) {
  const Response response = get("/files/app.js");
  write("new.js", "another file");
  fs::rename(path("new.js"), path("app.js"));
  EXPECT_EQ(body(response), "let a = 1;");
  EXPECT_EQ(body(get("/files/app.js")), "another file");
}

TEST(StaticFiles, NeedsItsDirectory) {
  StaticFilesOptions options;
  options.directory = "/nonexistent";
  const Result<Handler> handler = static_files(std::move(options));
  ASSERT_FALSE(handler.ok());
  EXPECT_EQ(handler.error().code(), Code::not_found);
}

TEST(MediaTypes, GoByTheLastExtension) {
  EXPECT_EQ(media_type_of("a/b.HTML"), "text/html; charset=utf-8");
  EXPECT_EQ(media_type_of("b.min.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(media_type_of("x.woff2"), "font/woff2");
  for (const char* unknown : {"", "a", "a.", "a.b.unknown", "html", "dir.html/file"})
    EXPECT_EQ(media_type_of(unknown), "application/octet-stream") << unknown;
}

TEST(ContentHash, IsSeenOnlyWhereItCanBeNothingElse) {
  for (const char* hashed : {"app.3f9a2c41.js", "a/app-3f9a2c41.js", "app.3f9a2c41.min.js",
                             "x-0123456789abcdef0123456789abcdef.css"})
    EXPECT_TRUE(has_content_hash(hashed)) << hashed;
  for (const char* plain :
       {"", "app.js", "3f9a2c41.js", "app.3f9a2c4.js", "report-20260304.pdf", "the-deadbeef.txt",
        "app.3f9a2c41", "app.3f9a2c4g.js", "3f9a2c41-dir/app.js", "a-3f9a2c41-b.js"})
    EXPECT_FALSE(has_content_hash(plain)) << plain;
  EXPECT_TRUE(has_content_hash("a." + std::string(63, '0') + "a.js"));
  EXPECT_FALSE(has_content_hash("a." + std::string(64, '0') + "a.js"));
}

}  // namespace
}  // namespace kit::http
