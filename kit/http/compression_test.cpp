// SPDX-License-Identifier: Apache-2.0
#include "kit/http/compression.hpp"

#include <brotli/decode.h>
#include <gtest/gtest.h>
#include <zlib.h>
#include <zstd.h>

#include <array>
#include <string>

#include "kit/async/run.hpp"
#include "kit/http/conditional.hpp"
#include "kit/http/message_test_support.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::http {
namespace {

/// What the libraries' own decoders make of bytes that may break off.
std::string unpack(Coding coding, std::string_view packed) {
  std::string out(4 * std::size_t{1024} * 1024, '\0');
  if (coding == Coding::gzip) {
    z_stream stream{};
    EXPECT_EQ(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
    stream.avail_in = static_cast<uInt>(packed.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int result = inflate(&stream, Z_SYNC_FLUSH);
    EXPECT_TRUE(result == Z_OK || result == Z_STREAM_END) << result;
    out.resize(stream.total_out);
    inflateEnd(&stream);
  } else if (coding == Coding::zstd) {
    ZSTD_DCtx* const context = ZSTD_createDCtx();
    ZSTD_inBuffer input{packed.data(), packed.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    EXPECT_EQ(ZSTD_isError(ZSTD_decompressStream(context, &output, &input)), 0U);
    out.resize(output.pos);
    ZSTD_freeDCtx(context);
  } else {
    BrotliDecoderState* const state = BrotliDecoderCreateInstance(nullptr, nullptr, nullptr);
    std::size_t left = packed.size();
    const auto* next = reinterpret_cast<const std::uint8_t*>(packed.data());
    std::size_t room = out.size();
    auto* to = reinterpret_cast<std::uint8_t*>(out.data());
    EXPECT_NE(BrotliDecoderDecompressStream(state, &left, &next, &room, &to, nullptr),
              BROTLI_DECODER_RESULT_ERROR);
    out.resize(out.size() - room);
    BrotliDecoderDestroyInstance(state);
  }
  return out;
}

constexpr std::array all_codings{Coding::gzip, Coding::br, Coding::zstd};

std::string some_text(std::size_t size) {
  std::string text;
  while (text.size() < size) text += "line " + std::to_string(text.size() * 7919) + "\n";
  text.resize(size);
  return text;
}

Response text_response(std::size_t size) {
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.body = some_text(size);
  return response;
}

Response packed(Response response, std::string_view accepted = "gzip, br, zstd",
                const CompressionOptions& options = {}) {
  const TestRequest request(Method::get, {{"Accept-Encoding", accepted}});
  compress(request, response, options);
  return response;
}

TEST(Compression, WholeBodiesComeBack) {
  for (const Coding coding : all_codings) {
    for (const std::size_t size : {1024U, 5000U, 300'000U}) {
      const std::string text = some_text(size);
      const Response response = packed(text_response(size), name(coding));
      EXPECT_EQ(field(response, "Content-Encoding"), name(coding));
      EXPECT_EQ(field(response, "Vary"), "Accept-Encoding");
      EXPECT_LT(response.body.size(), size);
      EXPECT_EQ(unpack(coding, response.body), text);
    }
  }
}

TEST(Compression, StaticBodiesComeBack) {
  const std::string text = some_text(5000);
  Response response;
  response.content_type = "application/json";
  response.static_body = text;
  response = packed(std::move(response));
  EXPECT_EQ(field(response, "Content-Encoding"), "zstd");
  EXPECT_TRUE(response.static_body.empty());
  EXPECT_EQ(unpack(Coding::zstd, response.body), text);
}

TEST(Compression, StreamsAreFlushedPieceByPiece) {
  testing::VirtualLoop loop;
  for (const Coding coding : all_codings) {
    Response response;
    response.content_type = "application/x-ndjson";
    response.stream = stream_from([](BodyWriter& out) -> Task<> {
      co_await out.write("data: one\n\n");
      co_await out.write("data: two\n\n");
      const std::string large = some_text(200'000);
      co_await out.write(large);
    });
    response = packed(std::move(response), name(coding));
    EXPECT_EQ(response.stream->size(), std::nullopt);
    std::string all;
    for (const char* expected : {"data: one\n\n", "data: one\n\ndata: two\n\n"}) {
      const Result<std::string_view> piece = run(loop, response.stream->read());
      all += *piece;
      EXPECT_EQ(unpack(coding, all), expected) << name(coding);
    }
    const Result<std::string> rest = run(loop, read_all(*response.stream));
    EXPECT_EQ(unpack(coding, all + *rest), "data: one\n\ndata: two\n\n" + some_text(200'000));
  }
}

TEST(Compression, EventsTakeLittleMemory) {
  const auto coding_of = [](std::string_view accepted, const CompressionOptions& options = {}) {
    Response response;
    response.content_type = "text/event-stream";
    response.stream = stream_of("data: one\n\n");
    return field(packed(std::move(response), accepted, options), "Content-Encoding");
  };
  CompressionOptions options;
  options.min_bytes = 0;
  EXPECT_EQ(coding_of("gzip, br, zstd", options), "gzip");
  EXPECT_EQ(coding_of("br, zstd", options), "");
  options.codings = {Coding::br};
  EXPECT_EQ(coding_of("gzip, br, zstd", options), "");
}

TEST(Compression, AStreamThatBreaksBreaks) {
  testing::VirtualLoop loop;
  Response response;
  response.content_type = "text/plain";
  response.stream = stream_from([](BodyWriter& out) -> Task<> {
    co_await out.write("some");
    co_await Error(Code::unavailable, "gone");
  });
  response = packed(std::move(response));
  const Result<std::string> all = run(loop, read_all(*response.stream));
  ASSERT_FALSE(all.ok());
  EXPECT_EQ(all.error().code(), Code::unavailable);
}

TEST(Compression, SmallBodiesStay) {
  EXPECT_EQ(field(packed(text_response(1024)), "Content-Encoding"), "zstd");
  const Response small = packed(text_response(1023));
  EXPECT_EQ(field(small, "Content-Encoding"), "");
  EXPECT_EQ(field(small, "Vary"), "");
  CompressionOptions options;
  options.min_bytes = 10;
  EXPECT_EQ(field(packed(text_response(1023), "gzip", options), "Content-Encoding"), "gzip");
}

TEST(Compression, WhatGrowsStays) {
  Response response;
  response.content_type = "text/plain";
  std::uint32_t random = 1;
  for (int i = 0; i < 2000; ++i) {
    random = random * 1'664'525 + 1'013'904'223;
    response.body += static_cast<char>(random >> 24);
  }
  const std::string plain = response.body;
  response = packed(std::move(response));
  EXPECT_EQ(field(response, "Content-Encoding"), "");
  EXPECT_EQ(response.body, plain);
}

TEST(Compression, CachesLearnThatItDepends) {
  Response response = packed(text_response(2000), "identity");
  EXPECT_EQ(field(response, "Vary"), "Accept-Encoding");
  EXPECT_EQ(field(response, "Content-Encoding"), "");
  response = text_response(2000);
  response.headers = {{"vary", "Origin, accept-encoding"}};
  EXPECT_EQ(field(packed(std::move(response)), "Vary"), "Origin, accept-encoding");
  response = text_response(2000);
  response.headers = {{"Vary", "Origin"}};
  EXPECT_EQ(field(packed(std::move(response)), "Vary"), "Origin, Accept-Encoding");
}

TEST(Compression, WeakensTags) {
  Response response = text_response(2000);
  response.headers = {{"ETag", "\"7\""}, {"Accept-Ranges", "bytes"}};
  const Response same = packed(std::move(response));
  EXPECT_EQ(field(same, "ETag"), "W/\"7\"");
  EXPECT_EQ(field(same, "Accept-Ranges"), "");
  response = text_response(2000);
  response.headers = {{"ETag", "W/\"7\""}};
  EXPECT_EQ(field(packed(std::move(response)), "ETag"), "W/\"7\"");
  response = text_response(2000);
  response.headers = {{"ETag", "\"7\""}};
  EXPECT_EQ(field(packed(std::move(response), "identity"), "ETag"), "\"7\"");
}

/// A cache puts the fields of a 304 on the copy that it has, which may be the packed one.
TEST(Compression, ThatNothingChangedIsSaidOfTheClientsCopy) {
  const auto not_modified = [](std::string_view known, std::string_view accepted = "gzip",
                               const CompressionOptions& options = {}) {
    const TestRequest request(Method::get,
                              {{"Accept-Encoding", accepted}, {"If-None-Match", known}});
    Response response = text_response(2000);
    Validators validators;
    validators.etag = "\"7\"";
    apply_conditions(request, validators, response);
    EXPECT_EQ(response.status, 304);
    compress(request, response, options);
    EXPECT_EQ(response.status, 304);
    EXPECT_EQ(field(response, "Content-Encoding"), "");
    return field(response, "ETag") + " " + field(response, "Vary") + " " +
           field(response, "Accept-Ranges");
  };
  EXPECT_EQ(not_modified("W/\"7\""), "W/\"7\" Accept-Encoding ") << "it has the packed one";
  EXPECT_EQ(not_modified("\"6\", W/\"7\""), "W/\"7\" Accept-Encoding ");
  EXPECT_EQ(not_modified("\"7\""), "\"7\" Accept-Encoding bytes") << "it has the plain one";
  EXPECT_EQ(not_modified("W/\"7\", \"7\""), "W/\"7\" Accept-Encoding ") << "or both";
  EXPECT_EQ(not_modified("*"), "W/\"7\" Accept-Encoding ") << "it does not say";
  CompressionOptions off;
  off.is_enabled = false;
  EXPECT_EQ(not_modified("W/\"7\"", "gzip", off), "\"7\"  bytes");
}

TEST(Compression, LeavesAloneWhatItMust) {
  const auto untouched = [](int status, std::vector<std::pair<std::string, std::string>> headers,
                            std::string_view type = "text/plain") {
    Response response = text_response(2000);
    response.status = status;
    response.content_type = type;
    response.headers = std::move(headers);
    response = packed(std::move(response));
    return response.body == some_text(2000) && field(response, "Vary").empty();
  };
  EXPECT_FALSE(untouched(200, {}));
  EXPECT_FALSE(untouched(404, {}));
  for (const int status : {204, 205, 206}) EXPECT_TRUE(untouched(status, {})) << status;
  EXPECT_TRUE(untouched(200, {{"content-encoding", "gzip"}}));
  EXPECT_TRUE(untouched(200, {{"Cache-Control", "public, No-Transform"}}));
  EXPECT_TRUE(untouched(200, {{"Set-Cookie", "sid=secret"}}));
  EXPECT_TRUE(untouched(200, {{"Content-Range", "bytes 0-1/2"}}));
  for (const char* type : {"", "image/png", "application/octet-stream", "font/woff2", "video/mp4"})
    EXPECT_TRUE(untouched(200, {}, type)) << type;
}

TEST(Compression, RoutesAndAnswersOptOut) {
  CompressionOptions off;
  off.is_enabled = false;
  EXPECT_EQ(field(packed(text_response(2000), "gzip", off), "Content-Encoding"), "");
  Response response = text_response(2000);
  keep_uncompressed(response);
  response = packed(std::move(response));
  EXPECT_EQ(field(response, "Content-Encoding"), "");
  EXPECT_EQ(field(response, "Cache-Control"), "no-store, no-transform");
  response = text_response(2000);
  response.headers = {{"Cache-Control", "private"}};
  keep_uncompressed(response);
  EXPECT_EQ(field(response, "Cache-Control"), "private, no-transform");
}

TEST(Compression, WrapsHandlers) {
  testing::VirtualLoop loop;
  const Handler handler = compressed([](Request&) { return answered(text_response(2000)); });
  TestRequest request(Method::get, {{"Accept-Encoding", "br"}});
  const Result<Response> response = run(loop, handler(request));
  EXPECT_EQ(field(*response, "Content-Encoding"), "br");
  const Handler failing =
      compressed([](Request&) -> Task<Response> { co_return Error(Code::not_found, "nothing"); });
  EXPECT_EQ(run(loop, failing(request)).error().code(), Code::not_found);
}

TEST(Compression, ContextsAreUsedAgain) {
  for (const Coding coding : all_codings) {
    for (int i = 0; i < 20; ++i) {
      // One that is left in the middle leaves nothing in the next.
      const std::unique_ptr<Compressor> left = make_compressor(coding, {}, i % 2 == 0);
      std::string out;
      EXPECT_TRUE(left->write("left in the middle", out).ok());
      const Response response = packed(text_response(2000), name(coding));
      EXPECT_EQ(unpack(coding, response.body), some_text(2000));
    }
  }
}

TEST(Compressible, ByMediaType) {
  for (const char* type : {"text/html", "TEXT/plain; charset=utf-8", "application/json",
                           "application/problem+json", "image/svg+xml", "text/event-stream"})
    EXPECT_TRUE(is_compressible(type)) << type;
  for (const char* type : {"", "image/png", "application/zip", "font/woff2", "json", "audio/mpeg"})
    EXPECT_FALSE(is_compressible(type)) << type;
}

}  // namespace
}  // namespace kit::http
