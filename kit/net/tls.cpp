// SPDX-License-Identifier: Apache-2.0
#include "kit/net/tls.hpp"

#include <cerrno>
#include <utility>

#include "kit/net/detail/tls_stream.hpp"

namespace kit::net {
namespace detail {

void TlsStream::Handshake::start() {
  if (stream_.phase_ == Phase::handshake) {
    stream_.shaking_ = this;
  } else {
    end();
  }
}

void TlsStream::Handshake::detach() {
  if (stream_.shaking_ == this) stream_.shaking_ = nullptr;
}

void TlsStream::Handshake::end() {
  detach();
  if (stream_.phase_ == Phase::open) return succeed();
  const char* reason = stream_.error_number_ == ETIMEDOUT ? "TLS_HANDSHAKE_TIMEOUT"
                       : stream_.certificate_refused_     ? "TLS_CERTIFICATE_REFUSED"
                                                          : "TLS_HANDSHAKE_FAILED";
  fail(Error(Code::unavailable, "the TLS handshake failed: " + stream_.failure_)
           .with_reason(reason));
}

}  // namespace detail

TlsAcceptor::TlsAcceptor(std::shared_ptr<TlsStore> store, AcceptHandler& next, Options options)
    : store_(std::move(store)), next_(next), options_(options) {}

void TlsAcceptor::on_accept(std::unique_ptr<Stream> stream) {
  detail::TlsStream::Options options;
  options.handshake_timeout = options_.handshake_timeout;
  options.counts = &store_->counts();
  options.owner = store_;
  next_.on_accept(std::make_unique<detail::TlsStream>(std::move(stream), store_->current(),
                                                      std::move(options)));
}

Task<std::unique_ptr<Stream>> start_tls(std::unique_ptr<Stream> stream,
                                        std::shared_ptr<const TlsContext> context,
                                        TlsTarget target) {
  detail::TlsStream::Options options;
  options.handshake_timeout = target.handshake_timeout;
  options.target = &target;
  auto encrypted = std::make_unique<detail::TlsStream>(std::move(stream), std::move(context),
                                                       std::move(options));
  {
    detail::TlsStream::Handshake handshake(*encrypted);
    co_await handshake;
  }
  std::unique_ptr<Stream> ready = std::move(encrypted);
  co_return ready;
}

}  // namespace kit::net
