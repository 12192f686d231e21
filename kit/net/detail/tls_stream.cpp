// SPDX-License-Identifier: Apache-2.0
#include "kit/net/detail/tls_stream.hpp"

#include <openssl/err.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>

#include "kit/log/log.hpp"

namespace kit::net::detail {
namespace {

log::Module tls_log{"tls"};

/// More than records of a write, a handshake or answers to key updates ever are: a peer that makes
/// us gather more does not read on purpose.
constexpr std::size_t most_output = 256 * 1024;

/// Messages of the handshake protocol behind the handshake (new keys, new tickets, attempts to
/// negotiate again): each costs us far more than the peer, and none of them shows as bytes that are
/// read. So many are free, and one for each so many bytes read.
constexpr std::uint64_t most_free_messages = 32;
constexpr std::uint64_t bytes_for_message = 64 * 1024;

/// Room for what is encrypted, used by all streams of a thread in turn.
std::string& spare_output() {
  thread_local std::string spare;
  return spare;
}

int create(BIO* bio) {
  BIO_set_init(bio, 1);
  return 1;
}

int read_bio(BIO* bio, char* into, int size) {
  return static_cast<TlsStream*>(BIO_get_data(bio))->bio_read(into, size, bio);
}

int write_bio(BIO* bio, const char* bytes, int size) {
  BIO_clear_retry_flags(bio);
  return static_cast<TlsStream*>(BIO_get_data(bio))->bio_write(bytes, size);
}

long control_bio(BIO*, int command, long, void*) {
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}

void on_message(int write, int, int content, const void*, std::size_t, SSL* ssl, void*) {
  if (write == 0 && content == SSL3_RT_HANDSHAKE) TlsStream::of(ssl).handshake_message_came();
}

const BIO_METHOD* bio_method() {
  static const BIO_METHOD* const method = [] {
    BIO_METHOD* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    BIO_meth_set_create(made, create);
    BIO_meth_set_read(made, read_bio);
    BIO_meth_set_write(made, write_bio);
    BIO_meth_set_ctrl(made, control_bio);
    return made;
  }();
  return method;
}

}  // namespace

TlsStream& TlsStream::of(const SSL* ssl) {
  return *static_cast<TlsStream*>(SSL_get_app_data(ssl));
}

TlsStream::TlsStream(std::unique_ptr<Stream> inner, std::shared_ptr<const TlsContext> context,
                     Options options)
    : inner_(std::move(inner)),
      context_(std::move(context)),
      owner_(std::move(options.owner)),
      counts_(options.counts) {
  ssl_.reset(SSL_new(context_->state().entries.front().context.get()));
  BIO* const bio = BIO_new(bio_method());
  if (!ssl_ || bio == nullptr) throw std::bad_alloc();
  BIO_set_data(bio, this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_app_data(ssl_.get(), this);
  SSL_set_msg_callback(ssl_.get(), on_message);
  if (options.target != nullptr) {
    begin_client(*options.target);
  } else {
    SSL_set_accept_state(ssl_.get());
  }
  timer_.set_action([](void* self) { static_cast<TlsStream*>(self)->on_timeout(); }, this);
  Loop& loop = Loop::current();
  loop.start(timer_, loop.now() + options.handshake_timeout);
  inner_->watch(*this);
  if (phase_ == Phase::handshake) shake_hands();
}

/// The goodbye of a connection that nobody ended in form: one write that never waits, like the FIN
/// that the kernel sends for a plain socket.
TlsStream::~TlsStream() {
  if (phase_ == Phase::open && !ended_ && !aborted_ && !inner_gone_ && output_.empty()) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    flush();
  }
  // OpenSSL takes what is dropped without a goodbye for an attack, and would forget the session.
  if (phase_ == Phase::open)
    SSL_set_shutdown(ssl_.get(), SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
}

void TlsStream::handshake_message_came() {
  if (phase_ == Phase::open) ++late_messages_;
}

int TlsStream::bio_read(char* into, int size, BIO* bio) {
  BIO_clear_retry_flags(bio);
  if (inner_ended_) return 0;
  if (late_messages_ > most_free_messages + bytes_read_ / bytes_for_message) return -1;
  if (!inner_drained_) {
    const auto wanted = static_cast<std::size_t>(size);
    const IoResult result = inner_->read(std::span(into, wanted));
    switch (result.status) {
      case IoStatus::ok:
        // After a hang-up the end is still to be read.
        if (result.bytes < wanted && !inner_hung_up_) inner_drained_ = true;
        return static_cast<int>(result.bytes);
      case IoStatus::would_block:
        inner_drained_ = true;
        break;
      case IoStatus::failed:
        error_number_ = result.error_number;
        inner_gone_ = true;
        [[fallthrough]];
      case IoStatus::closed:
        inner_ended_ = true;
        return 0;
    }
  }
  BIO_set_retry_read(bio);
  return -1;
}

int TlsStream::bio_write(const char* bytes, int size) {
  if (output_.size() - sent_ > most_output) return -1;
  if (output_.capacity() <= std::string().capacity()) output_.swap(spare_output());
  output_.append(bytes, static_cast<std::size_t>(size));
  return size;
}

/// Hands what has gathered to the inner stream. True when nothing is left.
bool TlsStream::flush() {
  while (sent_ < output_.size() && !inner_gone_) {
    const std::string_view rest = std::string_view(output_).substr(sent_);
    const IoResult result = inner_->write({&rest, 1});
    if (result.status == IoStatus::would_block) return false;
    if (result.status != IoStatus::ok) {
      inner_gone_ = true;
      if (error_number_ == 0) error_number_ = result.error_number;
      break;
    }
    sent_ += result.bytes;
    if (result.bytes < rest.size()) return false;
  }
  if (inner_gone_) return false;
  if (output_.capacity() > std::string().capacity()) {
    output_.clear();
    if (spare_output().capacity() < output_.capacity()) {
      output_.swap(spare_output());
    }
    std::string().swap(output_);
  }
  sent_ = 0;
  return true;
}

void TlsStream::watch(ReadinessHandler& handler) {
  handler_ = &handler;
  if (phase_ != Phase::handshake) {
    report_later({.readable = true, .writable = true, .hung_up = phase_ == Phase::failed});
  }
}

void TlsStream::report_later(Readiness readiness) {
  due_.readable |= readiness.readable;
  due_.writable |= readiness.writable;
  due_.hung_up |= readiness.hung_up;
  if (!ListNode<ReadyTag>::linked()) Loop::current().schedule(*this);
}

void TlsStream::on_ready() {
  const Readiness due = std::exchange(due_, {});
  if (handler_ != nullptr) handler_->on_readiness(due);
}

void TlsStream::on_timeout() {
  if (phase_ != Phase::handshake) return;
  if (counts_ != nullptr) counts_->timed_out.fetch_add(1, std::memory_order_relaxed);
  fail(ETIMEDOUT, "it took too long");
}

/// The handler comes last: it may destroy this stream.
void TlsStream::on_readiness(Readiness readiness) {
  if (readiness.readable) inner_drained_ = false;
  inner_hung_up_ |= readiness.hung_up;
  const bool drained = readiness.writable && flush();
  if (ending_ && drained) {
    ending_ = false;
    inner_->shutdown_write();
  }
  if (phase_ == Phase::handshake) return shake_hands();
  Readiness outer{.readable = readiness.readable, .hung_up = readiness.hung_up};
  outer.writable = (readiness.writable && write_blocked_) || inner_gone_;
  if (outer.writable) write_blocked_ = false;
  if (handler_ != nullptr && (outer.readable || outer.writable || outer.hung_up)) {
    handler_->on_readiness(outer);
  }
}

void TlsStream::shake_hands() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_.get());
  const int how = SSL_get_error(ssl_.get(), result);
  if (result == 1) {
    flush();
    return handshake_done();
  }
  std::string why = how == SSL_ERROR_WANT_READ ? std::string() : openssl_error();
  flush();  // also the alert that tells the peer what is wrong
  if (how == SSL_ERROR_WANT_READ && !inner_gone_) return;
  if (inner_ended_ || inner_gone_) why = "the peer closed the connection";
  const long verified = SSL_get_verify_result(ssl_.get());
  if (context_state().is_client && context_state().verify && verified != X509_V_OK) {
    why = X509_verify_cert_error_string(verified);
    certificate_refused_ = true;
  }
  if (counts_ != nullptr) counts_->failed.fetch_add(1, std::memory_order_relaxed);
  fail(error_number_ != 0 ? error_number_ : EPROTO, std::move(why));
}

void TlsStream::handshake_done() {
  phase_ = Phase::open;
  timer_.stop();
  describe_peer();
  if (counts_ != nullptr) {
    counts_->handshakes.fetch_add(1, std::memory_order_relaxed);
    if (SSL_session_reused(ssl_.get()) == 1) {
      counts_->resumed.fetch_add(1, std::memory_order_relaxed);
    }
  }
  write_blocked_ = false;
  // What came with the last flight is inside OpenSSL, and no event tells of it.
  report_later({.readable = true, .writable = true, .hung_up = inner_hung_up_});
  if (shaking_ != nullptr) shaking_->end();
}

void TlsStream::fail(int error_number, std::string why) {
  phase_ = Phase::failed;
  error_number_ = error_number;
  failure_ = std::move(why);
  timer_.stop();
  log::debug(tls_log, "handshake failed", {{"peer", inner_->peer()}, {"why", failure_}});
  report_later({.readable = true, .writable = true, .hung_up = true});
  if (shaking_ != nullptr) shaking_->end();
}

IoResult TlsStream::end_of_reading(int ssl_error) {
  switch (ssl_error) {
    case SSL_ERROR_WANT_READ:
      return {IoStatus::would_block, 0, 0};
    case SSL_ERROR_ZERO_RETURN:
      return {IoStatus::closed, 0, 0};
    default:
      break;
  }
  ERR_clear_error();
  if (inner_ended_ && error_number_ == 0) {
    // No close_notify: the peer was careless, or somebody cut the connection.
    if (!context_state().truncation_fails) return {IoStatus::closed, 0, 0};
    return {IoStatus::failed, 0, EPROTO};
  }
  phase_ = Phase::failed;
  if (error_number_ == 0) error_number_ = EPROTO;
  flush();  // the alert
  return {IoStatus::failed, 0, error_number_};
}

IoResult TlsStream::read(std::span<char> into) {
  if (phase_ == Phase::handshake) shake_hands();
  if (phase_ == Phase::failed) return {IoStatus::failed, 0, error_number_};
  if (phase_ == Phase::handshake) return {IoStatus::would_block, 0, 0};
  std::size_t done = 0;
  while (done < into.size()) {
    ERR_clear_error();
    std::size_t count = 0;
    if (SSL_read_ex(ssl_.get(), into.data() + done, into.size() - done, &count) == 1) {
      done += count;
      bytes_read_ += count;
      continue;
    }
    const int how = SSL_get_error(ssl_.get(), 0);
    if (done == 0) return end_of_reading(how);
    // The caller takes a short read for "drained": the end needs a report of its own.
    if (how != SSL_ERROR_WANT_READ) report_later({.readable = true, .hung_up = true});
    break;
  }
  return {IoStatus::ok, done, 0};
}

std::size_t TlsStream::waiting() const {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < record_count_; ++i) bytes += records_[i].plain;
  return bytes;
}

/// Drops the records that the inner stream has taken; how many bytes were in them.
std::size_t TlsStream::acknowledged() {
  const std::size_t taken = output_.empty() ? std::numeric_limits<std::size_t>::max() : sent_;
  std::size_t bytes = 0;
  std::uint8_t count = 0;
  while (count < record_count_ && records_[count].end <= taken) bytes += records_[count++].plain;
  std::copy(records_.begin() + count, records_.begin() + record_count_, records_.begin());
  record_count_ = static_cast<std::uint8_t>(record_count_ - count);
  return bytes;
}

/// Encrypts one record of what `parts` have behind their first `from` bytes; how much is in it.
std::size_t TlsStream::encrypt(std::span<const std::string_view> parts, std::size_t from) {
  while (!parts.empty() && from >= parts.front().size()) {
    from -= parts.front().size();
    parts = parts.subspan(1);
  }
  if (parts.empty()) return 0;
  std::string_view piece = parts.front().substr(from, record_bytes);
  thread_local std::array<char, record_bytes> gathered;
  if (piece.size() < record_bytes && parts.size() > 1) {
    std::size_t size = piece.copy(gathered.data(), piece.size());
    for (std::string_view part : parts.subspan(1)) {
      size += part.copy(gathered.data() + size, record_bytes - size);
    }
    piece = std::string_view(gathered.data(), size);
  }
  if (piece.empty()) return 0;
  ERR_clear_error();
  std::size_t count = 0;
  if (SSL_write_ex(ssl_.get(), piece.data(), piece.size(), &count) != 1) return 0;
  return count;
}

IoResult TlsStream::write(std::span<const std::string_view> parts) {
  if (phase_ == Phase::handshake) {
    write_blocked_ = true;
    return {IoStatus::would_block, 0, 0};
  }
  if (ended_ || inner_gone_) return {IoStatus::closed, 0, 0};
  if (phase_ == Phase::failed) return {IoStatus::failed, 0, error_number_};
  std::size_t wanted = 0;
  for (std::string_view part : parts) wanted += part.size();
  std::size_t done = 0;
  bool taken = flush();
  done += acknowledged();
  while (taken && done < wanted) {
    while (record_count_ < most_records && done + waiting() < wanted) {
      const std::size_t count = encrypt(parts, done + waiting());
      if (count == 0) {
        phase_ = Phase::failed;
        error_number_ = EPROTO;
        return {IoStatus::failed, 0, EPROTO};
      }
      records_[record_count_++] = {output_.size(), count};
    }
    taken = flush();
    done += acknowledged();
  }
  if (inner_gone_ && done == 0) return {IoStatus::closed, 0, 0};
  if (done >= wanted) return {IoStatus::ok, wanted, 0};
  write_blocked_ = true;
  if (done == 0) return {IoStatus::would_block, 0, 0};
  return {IoStatus::ok, done, 0};
}

/// Without a goodbye, which says that this was all.
void TlsStream::abort() {
  aborted_ = true;
  inner_->abort();
}

void TlsStream::shutdown_write() {
  if (ended_) return;
  ended_ = true;
  if (phase_ == Phase::open) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
  }
  if (flush() || phase_ != Phase::open) {
    inner_->shutdown_write();
  } else {
    ending_ = true;
  }
}

}  // namespace kit::net::detail
