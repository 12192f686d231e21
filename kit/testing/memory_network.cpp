// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/memory_network.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>

namespace kit::testing {
namespace {

/// One direction.
struct Pipe {
  std::string bytes;
  bool ended = false;  // the writer has shut down
  bool reset = false;  // the writer has vanished
  bool reader_gone = false;
  bool writer_waits = false;
};

struct Wire {
  MemoryNetworkOptions options;
  std::array<Pipe, 2> pipes;         // pipes[i]: what end i writes
  std::array<int, 2> descriptors{};  // 0: not watched
};

int next_descriptor() {
  static std::atomic<int> last = 1'000'000;
  return ++last;
}

class MemoryStream final : public net::Stream {
 public:
  MemoryStream(VirtualLoop& loop, std::shared_ptr<Wire> wire, std::size_t end, std::string peer)
      : loop_(loop), wire_(std::move(wire)), end_(end), peer_(std::move(peer)) {}

  ~MemoryStream() override {
    if (wire_->descriptors[end_] != 0) loop_.remove(std::exchange(wire_->descriptors[end_], 0));
    out().ended = true;
    in().reader_gone = true;
    tell_other({.readable = true, .writable = true, .hung_up = true});
  }

  net::IoResult read(std::span<char> into) override {
    Pipe& pipe = in();
    if (pipe.reset) return {net::IoStatus::failed, 0, ECONNRESET};
    if (pipe.bytes.empty()) {
      return {pipe.ended ? net::IoStatus::closed : net::IoStatus::would_block, 0, 0};
    }
    std::size_t count = std::min(into.size(), pipe.bytes.size());
    if (wire_->options.one_byte) count = 1;
    pipe.bytes.copy(into.data(), count);
    pipe.bytes.erase(0, count);
    if (std::exchange(pipe.writer_waits, false)) tell_other({.writable = true});
    // A short read ends the reader's round; what is left is reported like a new packet.
    if (count < into.size() && !pipe.bytes.empty()) tell_self({.readable = true});
    return {net::IoStatus::ok, count, 0};
  }

  net::IoResult write(std::span<const std::string_view> parts) override {
    Pipe& pipe = out();
    if (pipe.reader_gone || pipe.ended) return {net::IoStatus::closed, 0, 0};
    std::size_t room =
        wire_->options.capacity - std::min(wire_->options.capacity, pipe.bytes.size());
    if (wire_->options.one_byte) room = std::min<std::size_t>(room, 1);
    std::size_t moved = 0;
    std::size_t wanted = 0;
    for (std::string_view part : parts) {
      std::string_view fits = part.substr(0, room - moved);
      pipe.bytes.append(fits);
      moved += fits.size();
      wanted += part.size();
    }
    if (moved > 0) tell_other({.readable = true});
    if (moved < wanted) {
      pipe.writer_waits = true;
      if (pipe.bytes.size() < wire_->options.capacity) tell_self({.writable = true});
    }
    if (moved == 0 && wanted > 0) return {net::IoStatus::would_block, 0, 0};
    return {net::IoStatus::ok, moved, 0};
  }

  void watch(ReadinessHandler& handler) override {
    if (wire_->descriptors[end_] != 0) loop_.remove(wire_->descriptors[end_]);
    wire_->descriptors[end_] = next_descriptor();
    loop_.add(wire_->descriptors[end_], handler);
    tell_self(
        {.readable = !in().bytes.empty() || in().ended, .writable = true, .hung_up = in().ended});
  }

  void shutdown_write() override {
    out().ended = true;
    tell_other({.readable = true, .hung_up = true});
  }

  std::string_view peer() const override { return peer_; }

  void reset() { out().reset = true; }

 private:
  Pipe& out() { return wire_->pipes[end_]; }
  Pipe& in() { return wire_->pipes[1 - end_]; }
  void tell(std::size_t end, Readiness readiness) {
    if (wire_->descriptors[end] != 0) loop_.notify(wire_->descriptors[end], readiness);
  }
  void tell_self(Readiness readiness) { tell(end_, readiness); }
  void tell_other(Readiness readiness) { tell(1 - end_, readiness); }

  VirtualLoop& loop_;
  std::shared_ptr<Wire> wire_;
  std::size_t end_;
  std::string peer_;
};

}  // namespace

MemoryPair make_memory_pair(VirtualLoop& loop, const MemoryNetworkOptions& options) {
  auto wire = std::make_shared<Wire>();
  wire->options = options;
  return {std::make_unique<MemoryStream>(loop, wire, 0, options.peer),
          std::make_unique<MemoryStream>(loop, wire, 1, "server")};
}

MemoryClient::MemoryClient(VirtualLoop& loop, net::AcceptHandler& server,
                           const MemoryNetworkOptions& options) {
  auto pair = make_memory_pair(loop, options);
  stream_ = std::move(pair.second);
  stream_->watch(*this);
  loop.post(
      [&server, stream = std::move(pair.first)]() mutable { server.on_accept(std::move(stream)); });
}

MemoryClient::~MemoryClient() = default;

void MemoryClient::send(std::string_view text) {
  unsent_.append(text);
  if (stream_) write();
}

void MemoryClient::half_close() {
  ending_ = true;
  if (stream_) write();
}

void MemoryClient::reset() {
  static_cast<MemoryStream&>(*stream_).reset();
  stream_.reset();
  closed_ = true;
}

void MemoryClient::pause_reading(bool pause) {
  paused_ = pause;
  if (!pause && stream_) read();
}

std::string MemoryClient::take() {
  std::string fresh = received_.substr(taken_);
  taken_ = received_.size();
  return fresh;
}

void MemoryClient::on_readiness(Readiness readiness) {
  if (readiness.writable) write();
  if (readiness.readable && !paused_) read();
}

void MemoryClient::write() {
  while (!unsent_.empty()) {
    std::string_view part = unsent_;
    auto result = stream_->write({&part, 1});
    if (result.status != net::IoStatus::ok) return;
    unsent_.erase(0, result.bytes);
  }
  if (std::exchange(ending_, false)) stream_->shutdown_write();
}

void MemoryClient::read() {
  std::array<char, 4096> buffer;
  while (true) {
    auto result = stream_->read(buffer);
    if (result.status == net::IoStatus::ok) {
      received_.append(buffer.data(), result.bytes);
      continue;
    }
    if (result.status != net::IoStatus::would_block) closed_ = true;
    return;
  }
}

}  // namespace kit::testing
