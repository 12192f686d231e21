// SPDX-License-Identifier: Apache-2.0
// What is refused: versions, files, and ends without a goodbye.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>

#include <array>
#include <fstream>
#include <sstream>
#include <string>
#include <utility>

#include "kit/async/run.hpp"
#include "kit/net/async_stream.hpp"
#include "kit/net/detail/tls_context.hpp"
#include "kit/net/detail/tls_stream.hpp"
#include "kit/net/tls_test_support.hpp"
#include "kit/testing/memory_network.hpp"
#include "kit/testing/virtual_loop.hpp"

namespace kit::net {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

std::string text_of(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

class TlsFilesTest : public ::testing::Test {
 protected:
  /// The reason for which the files are refused; empty when they are taken.
  std::string problem(const CertificateFiles& files) {
    const auto made = TlsContext::make_server({.certificates = {files}});
    message = made.ok() ? "" : made.error().message();
    if (made.ok()) context = *made;
    return made.ok() ? "" : made.error().reason();
  }
  TestAuthority authority;
  std::shared_ptr<const TlsContext> context;
  std::string message;
};

TEST_F(TlsFilesTest, MustBeThere) {
  const CertificateFiles files = authority.issue();
  EXPECT_EQ(problem(files), "");
  EXPECT_EQ(problem({.certificate = "/nowhere/c.pem", .key = files.key}), "TLS_FILE_MISSING");
  EXPECT_THAT(message, HasSubstr("/nowhere/c.pem"));
  EXPECT_EQ(problem({.certificate = files.certificate, .key = "/nowhere/k.pem"}),
            "TLS_FILE_MISSING");
  EXPECT_EQ(problem({.certificate = "/tmp", .key = files.key}), "TLS_FILE_MISSING");
  EXPECT_FALSE(TlsContext::make_server({}).ok());
  EXPECT_FALSE(
      TlsContext::make_server({.certificates = {files}, .client_auth = ClientAuth::require}).ok());
  EXPECT_FALSE(TlsContext::make_client({.ca = "/nowhere/ca.pem"}).ok());
}

TEST_F(TlsFilesTest, HaveALimit) {
  const CertificateFiles files = authority.issue();
  const std::string pem = text_of(files.certificate);
  std::string large(1024 * 1024 - pem.size(), '\n');
  EXPECT_EQ(problem({.certificate = authority.write(large + pem), .key = files.key}), "");
  large.append(2 * 1024 * 1024, '\n');
  EXPECT_EQ(problem({.certificate = authority.write(large + pem), .key = files.key}),
            "TLS_FILE_MISSING");
}

TEST_F(TlsFilesTest, MustBePem) {
  const CertificateFiles files = authority.issue();
  const std::string pem = text_of(files.certificate);
  for (const std::string& bad :
       {std::string(), std::string("hello"), pem.substr(0, pem.size() / 2),
        pem + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}) {
    EXPECT_EQ(problem({.certificate = authority.write(bad), .key = files.key}), "TLS_BAD_PEM");
  }
  EXPECT_EQ(problem({.certificate = files.certificate, .key = files.certificate}), "TLS_BAD_PEM");
  EXPECT_FALSE(TlsContext::make_client({.ca = authority.write("")}).ok());
}

TEST_F(TlsFilesTest, MustBelongTogether) {
  const CertificateFiles one = authority.issue();
  const CertificateFiles other = authority.issue();
  EXPECT_EQ(problem({.certificate = one.certificate, .key = other.key}), "TLS_KEY_MISMATCH");
  EXPECT_THAT(message, HasSubstr(one.certificate));
  EXPECT_THAT(message, HasSubstr(other.key));
}

TEST_F(TlsFilesTest, KeysAreForTheirOwnerOnly) {
  const CertificateFiles files = authority.issue();
  for (const mode_t mode : {0640U, 0604U, 0601U, 0660U}) {
    ASSERT_EQ(::chmod(files.key.c_str(), mode), 0);
    EXPECT_EQ(problem(files), "TLS_KEY_READABLE") << mode;
    EXPECT_THAT(message, HasSubstr("chmod 600 " + files.key));
  }
  ASSERT_EQ(::chmod(files.key.c_str(), 0400), 0);
  EXPECT_EQ(problem(files), "");
}

TEST_F(TlsFilesTest, KeysAreNotEncrypted) {
  const CertificateFiles files = authority.issue();
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  BIO* const bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PKCS8PrivateKey(bio, key, EVP_aes_256_cbc(), "secret", 6, nullptr, nullptr);
  char* text = nullptr;
  const long size = BIO_get_mem_data(bio, &text);
  const std::string path = authority.write({text, static_cast<std::size_t>(size)});
  BIO_free(bio);
  EVP_PKEY_free(key);
  EXPECT_EQ(problem({.certificate = files.certificate, .key = path}), "TLS_KEY_ENCRYPTED");
}

TEST_F(TlsFilesTest, CertificatesAreValidNow) {
  EXPECT_EQ(problem(authority.issue({.begins = -48h, .ends = -1s})), "TLS_CERTIFICATE_EXPIRED");
  EXPECT_EQ(problem(authority.issue({.begins = 1h})), "TLS_CERTIFICATE_NOT_YET_VALID");
  EXPECT_EQ(problem(authority.issue({.ends = std::chrono::days(14) + 1h})), "");
  EXPECT_TRUE(context->warnings().empty());
  EXPECT_EQ(problem(authority.issue({.ends = std::chrono::days(14) - 1h})), "");
  ASSERT_EQ(context->warnings().size(), 1U);
  EXPECT_THAT(context->warnings().front(), HasSubstr("expires at 20"));
  EXPECT_GT(context->expires(), std::chrono::system_clock::now() + std::chrono::days(13));
}

TEST_F(TlsFilesTest, ProtocolsHaveALength) {
  const CertificateFiles files = authority.issue();
  const auto made = [&](std::size_t size) {
    return TlsContext::make_server(
               {.certificates = {files}, .application_protocols = {std::string(size, 'a')}})
        .ok();
  };
  EXPECT_FALSE(made(0));
  EXPECT_TRUE(made(255));
  EXPECT_FALSE(made(256));
}

TEST(TicketKeys, RotateEveryTwelveHours) {
  detail::TicketKeys keys;
  const Clock::time_point begin{1000h};
  const auto first = keys.for_sealing(begin);
  ASSERT_TRUE(first);
  EXPECT_EQ(keys.for_sealing(begin + 12h - 1s)->name, first->name);
  EXPECT_TRUE(keys.for_opening(first->name.data(), begin + 12h - 1s)->is_current);
  const auto second = keys.for_sealing(begin + 12h);
  EXPECT_NE(second->name, first->name);
  EXPECT_NE(second->cipher, first->cipher);
  const auto opening = keys.for_opening(first->name.data(), begin + 24h - 1s);
  ASSERT_TRUE(opening);
  EXPECT_FALSE(opening->is_current);
  EXPECT_EQ(opening->key.cipher, first->cipher);
  EXPECT_FALSE(keys.for_opening(first->name.data(), begin + 24h));
  EXPECT_TRUE(keys.for_sealing(begin + 24h));
  EXPECT_FALSE(keys.for_opening(first->name.data(), begin + 24h));
  const std::array<unsigned char, 16> unknown{};
  EXPECT_FALSE(keys.for_opening(unknown.data(), begin));
}

TEST(SessionCache, HasALimitAndGivesEachOnce) {
  detail::SessionCache cache;
  for (std::size_t i = 0; i <= detail::SessionCache::most; ++i) {
    cache.put(std::to_string(i), detail::Session(SSL_SESSION_new()));
    EXPECT_LE(cache.size(), detail::SessionCache::most);
  }
  EXPECT_EQ(cache.size(), detail::SessionCache::most);
  EXPECT_TRUE(cache.take("256"));
  EXPECT_FALSE(cache.take("256"));
}

/// A client that OpenSSL itself drives, over a memory network: for what our client never does.
class RawClient final : private ReadinessHandler {
 public:
  RawClient(std::unique_ptr<Stream> stream, const std::string& ca) : stream_(std::move(stream)) {
    context_.reset(SSL_CTX_new(TLS_client_method()));
    SSL_CTX_load_verify_file(context_.get(), ca.c_str());
  }
  SSL_CTX* context() { return context_.get(); }
  SSL* ssl() { return ssl_.get(); }
  Stream& stream() { return *stream_; }
  void start() {
    ssl_.reset(SSL_new(context_.get()));
    SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
    SSL_set_connect_state(ssl_.get());
    stream_->watch(*this);
    step();
  }
  /// One step of the handshake, and what has to be written.
  void step() {
    if (SSL_do_handshake(ssl_.get()) == 1) done = true;
    send();
  }
  void send() {
    char* text = nullptr;
    const long size = BIO_get_mem_data(SSL_get_wbio(ssl_.get()), &text);
    if (size <= 0) return;
    const std::string_view bytes(text, static_cast<std::size_t>(size));
    EXPECT_EQ(stream_->write({&bytes, 1}).bytes, bytes.size());
    (void)BIO_reset(SSL_get_wbio(ssl_.get()));
  }
  void write(std::string_view text) {
    EXPECT_GT(SSL_write(ssl_.get(), text.data(), static_cast<int>(text.size())), 0);
    send();
  }
  std::string received;
  bool done = false, closed = false;

 private:
  void on_readiness(Readiness) override {
    std::array<char, 4096> buffer;
    while (true) {
      const IoResult result = stream_->read(buffer);
      if (result.status != IoStatus::ok) {
        closed |= result.status != IoStatus::would_block;
        break;
      }
      BIO_write(SSL_get_rbio(ssl_.get()), buffer.data(), static_cast<int>(result.bytes));
    }
    step();
    int count = 0;
    while (done && (count = SSL_read(ssl_.get(), buffer.data(), buffer.size())) > 0) {
      received.append(buffer.data(), static_cast<std::size_t>(count));
    }
    send();
  }

  std::unique_ptr<Stream> stream_;
  detail::SslContext context_;
  detail::Ssl ssl_;
};

class TlsRulesTest : public ::testing::Test {
 protected:
  void serve(TlsServerOptions options) {
    options.certificates = {authority.issue()};
    store = std::make_shared<TlsStore>(*TlsContext::make_server(options));
    acceptor = std::make_unique<TlsAcceptor>(store, echo);
    auto pair = kit::testing::make_memory_pair(loop);
    loop.post([this, stream = std::move(pair.first)]() mutable {
      acceptor->on_accept(std::move(stream));
    });
    client = std::make_unique<RawClient>(std::move(pair.second), authority.file());
  }
  bool shake(int version) {
    SSL_CTX_set_min_proto_version(client->context(), version);
    SSL_CTX_set_max_proto_version(client->context(), version);
    client->start();
    loop.advance(0s);
    return client->done && store->counts().handshakes.load() == 1;
  }
  EchoServer::Session& last() { return *echo.sessions.back(); }

  TestAuthority authority;
  kit::testing::VirtualLoop loop;
  EchoServer echo;
  std::shared_ptr<TlsStore> store;
  std::unique_ptr<TlsAcceptor> acceptor;
  std::unique_ptr<RawClient> client;
};

TEST_F(TlsRulesTest, TakesTls12OnlyWhenToldSo) {
  serve({});
  EXPECT_FALSE(shake(TLS1_2_VERSION));
  EXPECT_TRUE(last().ended);
  serve({.min_version = TlsVersion::tls_1_2});
  EXPECT_TRUE(shake(TLS1_2_VERSION));
  client->write("old");
  loop.advance(0s);
  EXPECT_EQ(client->received, "old");
  serve({.min_version = TlsVersion::tls_1_2});
  SSL_CTX_set_security_level(client->context(), 0);
  EXPECT_FALSE(shake(TLS1_1_VERSION));
}

TEST_F(TlsRulesTest, TakesOnlyGoodCiphersOfTls12) {
  for (const char* cipher :
       {"ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES256-SHA", "ECDHE-ECDSA-AES128-CCM"}) {
    serve({.min_version = TlsVersion::tls_1_2});
    ASSERT_EQ(SSL_CTX_set_cipher_list(client->context(), cipher), 1) << cipher;
    EXPECT_FALSE(shake(TLS1_2_VERSION)) << cipher;
  }
  for (const char* cipher : {"ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"}) {
    serve({.min_version = TlsVersion::tls_1_2});
    ASSERT_EQ(SSL_CTX_set_cipher_list(client->context(), cipher), 1) << cipher;
    EXPECT_TRUE(shake(TLS1_2_VERSION)) << cipher;
  }
}

TEST_F(TlsRulesTest, RefusesRenegotiation) {
  serve({.min_version = TlsVersion::tls_1_2});
  ASSERT_TRUE(shake(TLS1_2_VERSION));
  ASSERT_EQ(SSL_renegotiate(client->ssl()), 1);
  client->done = false;
  client->step();
  loop.advance(0s);
  EXPECT_FALSE(client->done);
  EXPECT_EQ(store->counts().handshakes.load(), 1U);
}

TEST_F(TlsRulesTest, TakesKeyUpdates) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_REQUESTED), 1);
    client->write("again ");
    loop.advance(0s);
  }
  EXPECT_EQ(client->received, "again again again ");
}

TEST_F(TlsRulesTest, FloodsOfKeyUpdatesEndTheConnection) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  const auto update = [this](int times) {
    for (int i = 0; i < times; ++i) {
      ASSERT_EQ(SSL_key_update(client->ssl(), SSL_KEY_UPDATE_NOT_REQUESTED), 1);
      ASSERT_EQ(SSL_do_handshake(client->ssl()), 1);
      client->send();
      loop.advance(0s);
    }
  };
  update(32);
  client->write("fine ");
  loop.advance(0s);
  EXPECT_EQ(client->received, "fine ");
  // Who sends much may change keys often.
  const std::string much(64 * 1024, 'x');
  for (std::size_t at = 0; at < much.size(); at += 1024) {
    client->write(std::string_view(much).substr(at, 1024));
    loop.advance(0s);
  }
  update(1);
  client->write("more");
  loop.advance(0s);
  EXPECT_TRUE(client->received.ends_with("more"));
  EXPECT_FALSE(last().ended);
  update(1);
  EXPECT_TRUE(last().ended);
  EXPECT_EQ(last().last.status, IoStatus::failed);
}

TEST_F(TlsRulesTest, AnEndWithoutGoodbyeIsAnEndForAServer) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  client->write("last words");
  client->stream().shutdown_write();
  loop.advance(0s);
  EXPECT_EQ(last().received, "last words");
  EXPECT_TRUE(last().ended);
  EXPECT_EQ(last().last.status, IoStatus::closed);
}

TEST_F(TlsRulesTest, ABadRecordIsAFailure) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  const std::string_view bad(
      "\x17\x03\x03\x00\x20"
      "01234567890123456789012345678901",
      37);
  ASSERT_EQ(client->stream().write({&bad, 1}).bytes, bad.size());
  loop.advance(0s);
  EXPECT_EQ(last().last.status, IoStatus::failed);
  EXPECT_EQ(last().last.error_number, EPROTO);
}

TEST_F(TlsRulesTest, SaysGoodbyeAfterWhatWasWritten) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  client->write("and out");
  loop.advance(0s);
  last().stream->shutdown_write();
  loop.advance(0s);
  EXPECT_EQ(client->received, "and out");
  EXPECT_EQ(SSL_get_shutdown(client->ssl()), SSL_RECEIVED_SHUTDOWN);
  EXPECT_TRUE(client->closed);
}

TEST_F(TlsRulesTest, SaysGoodbyeWhenDropped) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  echo.sessions.clear();
  loop.advance(0s);
  EXPECT_EQ(SSL_get_shutdown(client->ssl()), SSL_RECEIVED_SHUTDOWN);
}

TEST_F(TlsRulesTest, SaysNoGoodbyeWhenAborted) {
  serve({});
  ASSERT_TRUE(shake(TLS1_3_VERSION));
  last().stream->abort();
  echo.sessions.clear();
  loop.advance(0s);
  EXPECT_EQ(SSL_get_shutdown(client->ssl()), 0);
}

/// The client's side against a server that cuts the connection without a goodbye.
IoStatus end_seen_by_client(bool truncation_fails) {
  TestAuthority authority;
  kit::testing::VirtualLoop loop;
  auto server = *TlsContext::make_server({.certificates = {authority.issue()}});
  auto client =
      *TlsContext::make_client({.ca = authority.file(), .truncation_fails = truncation_fails});
  auto pair = kit::testing::make_memory_pair(loop);
  // Between the two, so that the server's goodbye can be left out.
  auto relay = kit::testing::make_memory_pair(loop);
  EchoServer echo;
  auto store = std::make_shared<TlsStore>(server);
  TlsAcceptor acceptor(store, echo);
  loop.post([&] { acceptor.on_accept(std::move(relay.first)); });
  struct Pump final : ReadinessHandler {
    Stream *from = nullptr, *to = nullptr;
    void on_readiness(Readiness) override {
      std::array<char, 4096> buffer;
      IoResult result;
      while ((result = from->read(buffer)).status == IoStatus::ok) {
        const std::string_view bytes(buffer.data(), result.bytes);
        EXPECT_EQ(to->write({&bytes, 1}).bytes, bytes.size());
      }
    }
  } up, down;
  up.from = down.to = pair.first.get();
  up.to = down.from = relay.second.get();
  pair.first->watch(up);
  relay.second->watch(down);
  TlsTarget target;
  target.host = "localhost";
  auto made = run(loop, start_tls(std::move(pair.second), client, target));
  EXPECT_TRUE(made.ok());
  loop.advance(0s);
  pair.first->shutdown_write();
  loop.advance(0s);
  std::array<char, 16> buffer;
  return (*made)->read(buffer).status;
}

TEST(TlsTruncation, IsAFailureForAClientUnlessItSaysOtherwise) {
  EXPECT_EQ(end_seen_by_client(true), IoStatus::failed);
  EXPECT_EQ(end_seen_by_client(false), IoStatus::closed);
}

}  // namespace
}  // namespace kit::net
