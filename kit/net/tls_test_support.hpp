// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "kit/net/stream.hpp"
#include "kit/net/tls.hpp"

namespace kit::net {

/// What a test wants of a certificate.
struct CertificateSpec {
  std::string name = "localhost";
  std::string alternative_names = "DNS:localhost,IP:127.0.0.1";  ///< As OpenSSL writes them.
  std::chrono::seconds begins{-3600};                            ///< From now.
  std::chrono::seconds ends{90 * 24 * 3600};
  std::string usage{};  ///< "clientAuth"; empty: any.
};

/// An authority in a folder of its own, which goes with it.
class TestAuthority {
 public:
  explicit TestAuthority(std::string_view name = "Test authority");
  ~TestAuthority();
  TestAuthority(const TestAuthority&) = delete;
  TestAuthority& operator=(const TestAuthority&) = delete;

  const std::string& file() const { return file_; }
  std::string path(const std::string& name) const { return folder_ + '/' + name; }
  CertificateFiles issue(const CertificateSpec& spec = {});
  /// Writes `text` to a file of its own and returns its path.
  std::string write(std::string_view text, int mode = 0600);

 private:
  struct Keys;
  std::string folder_, file_;
  std::unique_ptr<Keys> keys_;
  int count_ = 0;
};

/// Sends back what comes, by the rules of an edge-triggered stream: it reads until a read is short.
class EchoServer final : public AcceptHandler {
 public:
  explicit EchoServer(std::size_t buffer_size = 4096) : buffer_size_(buffer_size) {}

  void on_accept(std::unique_ptr<Stream> stream) override;

  struct Session final : ReadinessHandler {
    explicit Session(std::unique_ptr<Stream> fresh, std::size_t size)
        : stream(std::move(fresh)), buffer(size, '\0') {}
    void on_readiness(Readiness readiness) override;
    void write();

    std::unique_ptr<Stream> stream;
    std::string buffer, unsent, received;
    IoResult last{IoStatus::would_block, 0, 0};
    bool ended = false;
  };
  std::vector<std::unique_ptr<Session>> sessions;

 private:
  std::size_t buffer_size_;
};

}  // namespace kit::net
