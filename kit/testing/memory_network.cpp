// SPDX-License-Identifier: Apache-2.0
#include "kit/testing/memory_network.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <deque>
#include <random>

namespace kit::testing {
namespace {

/// What is on its way, to arrive at `at`.
struct Flight {
  Clock::time_point at;
  std::size_t bytes = 0;
  bool end = false;
};

/// One direction.
struct Pipe {
  std::string bytes;
  std::size_t arrived = 0;  // of `bytes`: what the reader can see
  std::deque<Flight> flights;
  Timer arrival;
  bool ended = false;  // the writer has shut down
  bool end_arrived = false;
  bool reset = false;    // the writer has vanished
  bool aborted = false;  // the same, once what it wrote has been read
  bool reader_gone = false;
  bool writer_waits = false;
};

/// Both directions and the chances of what happens on them.
class Wire {
 public:
  Wire(VirtualLoop& loop, const MemoryNetworkOptions& given)
      : options(given), loop_(loop), random_(given.seed) {
    pipes[0].arrival.set_action([](void* self) { static_cast<Wire*>(self)->arrive(0); }, this);
    pipes[1].arrival.set_action([](void* self) { static_cast<Wire*>(self)->arrive(1); }, this);
  }

  /// `count` bytes, already at the end of `pipes[from].bytes`, and maybe the end of the stream.
  void send(std::size_t from, std::size_t count, bool end) {
    Pipe& pipe = pipes[from];
    Flight flight{loop_.now(), count, end};
    if (options.most_delay.count() > 0) {
      flight.at += Clock::duration(draw(static_cast<std::uint64_t>(options.most_delay.count())));
      if (!pipe.flights.empty()) flight.at = std::max(flight.at, pipe.flights.back().at);
    }
    pipe.flights.push_back(flight);
    if (flight.at <= loop_.now()) {
      arrive(from);
    } else if (!pipe.arrival.armed()) {
      loop_.start(pipe.arrival, pipe.flights.front().at);
    }
    written_ += count;
    if (options.breaks_after != 0 && written_ >= options.breaks_after) break_off();
  }

  /// How many of `most` bytes a call moves.
  std::size_t moved(std::size_t most) {
    if (options.one_byte) return std::min<std::size_t>(most, 1);
    if (options.most_moved == 0 || most <= 1) return most;
    return std::min<std::size_t>(most, 1 + draw(options.most_moved - 1));
  }

  void tell(std::size_t end, Readiness readiness) {
    if (descriptors[end] != 0) loop_.notify(descriptors[end], readiness);
  }

  MemoryNetworkOptions options;
  std::array<Pipe, 2> pipes;         // pipes[i]: what end i writes
  std::array<int, 2> descriptors{};  // 0: not watched

 private:
  /// From 0 to `most`. Not std::uniform_int_distribution, which is another one in each library.
  std::uint64_t draw(std::uint64_t most) { return random_() % (most + 1); }

  void arrive(std::size_t from) {
    Pipe& pipe = pipes[from];
    while (!pipe.flights.empty() && pipe.flights.front().at <= loop_.now()) {
      pipe.arrived += pipe.flights.front().bytes;
      pipe.end_arrived |= pipe.flights.front().end;
      pipe.flights.pop_front();
    }
    if (!pipe.flights.empty()) loop_.start(pipe.arrival, pipe.flights.front().at);
    tell(1 - from, {.readable = true, .hung_up = pipe.end_arrived});
  }

  void break_off() {
    for (std::size_t end = 0; end < 2; ++end) {
      pipes[end].reset = pipes[end].reader_gone = true;
      tell(end, {.readable = true, .writable = true, .hung_up = true});
    }
  }

  VirtualLoop& loop_;
  std::mt19937_64 random_;
  std::size_t written_ = 0;
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
    in().reader_gone = true;
    tell_other({.writable = true});
    if (!std::exchange(out().ended, true)) wire_->send(end_, 0, true);
  }

  net::IoResult read(std::span<char> into) override {
    Pipe& pipe = in();
    if (pipe.reset) return {net::IoStatus::failed, 0, ECONNRESET};
    if (pipe.arrived == 0) {
      if (pipe.end_arrived && pipe.aborted) return {net::IoStatus::failed, 0, ECONNRESET};
      return {pipe.end_arrived ? net::IoStatus::closed : net::IoStatus::would_block, 0, 0};
    }
    const std::size_t count = wire_->moved(std::min(into.size(), pipe.arrived));
    pipe.bytes.copy(into.data(), count);
    pipe.bytes.erase(0, count);
    pipe.arrived -= count;
    if (std::exchange(pipe.writer_waits, false)) tell_other({.writable = true});
    // A short read ends the reader's round; what is left is reported like a new packet.
    if (count < into.size() && pipe.arrived > 0) tell_self({.readable = true});
    return {net::IoStatus::ok, count, 0};
  }

  net::IoResult write(std::span<const std::string_view> parts) override {
    Pipe& pipe = out();
    if (pipe.reader_gone || pipe.ended) return {net::IoStatus::closed, 0, 0};
    const std::size_t room = wire_->moved(wire_->options.capacity -
                                          std::min(wire_->options.capacity, pipe.bytes.size()));
    std::size_t moved = 0;
    std::size_t wanted = 0;
    for (std::string_view part : parts) {
      std::string_view fits = part.substr(0, room - moved);
      pipe.bytes.append(fits);
      moved += fits.size();
      wanted += part.size();
    }
    if (moved > 0) wire_->send(end_, moved, false);
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
    tell_self({.readable = in().arrived > 0 || in().end_arrived,
               .writable = true,
               .hung_up = in().end_arrived});
  }

  void shutdown_write() override {
    if (!std::exchange(out().ended, true)) wire_->send(end_, 0, true);
  }

  std::string_view peer() const override { return peer_; }

  void abort() override { out().aborted = true; }
  void reset() { out().reset = true; }

 private:
  Pipe& out() { return wire_->pipes[end_]; }
  Pipe& in() { return wire_->pipes[1 - end_]; }
  void tell_self(Readiness readiness) { wire_->tell(end_, readiness); }
  void tell_other(Readiness readiness) { wire_->tell(1 - end_, readiness); }

  VirtualLoop& loop_;
  std::shared_ptr<Wire> wire_;
  std::size_t end_;
  std::string peer_;
};

}  // namespace

MemoryPair make_memory_pair(VirtualLoop& loop, const MemoryNetworkOptions& options) {
  auto wire = std::make_shared<Wire>(loop, options);
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
    if (result.status == net::IoStatus::failed) broken_ = true;
    return;
  }
}

}  // namespace kit::testing
