// SPDX-License-Identifier: Apache-2.0
// LISTEN on a connection of its own, which is made anew for as long as somebody hears it.
#include "kit/adapters/postgres/detail/listener.hpp"

#include <sys/ioctl.h>

#include <algorithm>
#include <random>
#include <utility>

#include "kit/adapters/postgres/detail/answer_meter.hpp"

namespace kit::postgres::detail {
namespace {

using namespace std::chrono_literals;

constexpr Clock::duration first_pause = 50ms;
constexpr Clock::duration longest_pause = 1'000ms;
/// Notifications between two turns of the loop.
constexpr int most_in_a_turn = 256;

struct FreeNotify {
  void operator()(PGnotify* heard) const { PQfreemem(heard); }
};

std::string quoted(std::string_view name) {
  std::string text = "\"";
  for (const char c : name) {
    if (c == '"') text += '"';
    text += c;
  }
  return text + '"';
}

/// One channel and the connection that hears it. Thread safety: its loop's thread.
class Hearing final : public std::enable_shared_from_this<Hearing>,
                      private ReadinessHandler,
                      private LoopEnd {
 public:
  Hearing(std::shared_ptr<Server> server, std::string_view channel,
          Function<void(std::string_view)> received, Function<void()> missed)
      : server_(std::move(server)),
        sql_("LISTEN " + quoted(channel)),
        received_(std::move(received)),
        missed_(std::move(missed)) {
    timer_.set_action([](void* self) { static_cast<Hearing*>(self)->on_timer(); }, this);
    loop_.attach(*this);
  }
  ~Hearing() { drop(); }

  void connect();
  void connected(Result<ConnectionPtr> made);
  void end() {
    ended_ = true;
    timer_.stop();
    drop();
  }

 private:
  void on_readiness(Readiness readiness) override;
  void on_loop_end() override {
    LoopEnd::unlink();
    end();
  }
  void on_timer();
  void hear();
  bool take();
  void drop();
  void try_later();

  const std::shared_ptr<Server> server_;
  Loop& loop_ = Loop::current();
  const std::string sql_;
  Function<void(std::string_view)> received_;
  Function<void()> missed_;
  ConnectionPtr connection_;
  int socket_ = -1;
  bool hung_up_ = false;
  bool ended_ = false;
  Clock::duration pause_{};
  std::minstd_rand random_{std::random_device{}()};
  Timer timer_;
  AnswerMeter meter_;
};

/// Connects and says LISTEN, where that may block.
class ConnectJob final : public kit::detail::PoolJob {
 public:
  ConnectJob(std::shared_ptr<const ConnectSettings> settings, std::string sql, LoopRemote loop,
             std::weak_ptr<Hearing> hearing)
      : settings_(std::move(settings)),
        sql_(std::move(sql)),
        loop_(std::move(loop)),
        hearing_(std::move(hearing)) {}
  void run() override {
    made_ = settings_->connect();
    if (!made_) return;
    if (auto heard = settings_->run(**made_, sql_); !heard) made_ = std::move(heard).error();
  }
  void refuse(Error why) override { made_ = std::move(why); }
  void tell() override {
    loop_.post([made = std::move(made_), hearing = hearing_]() mutable {
      if (auto there = hearing.lock()) there->connected(std::move(made));
    });
  }

 private:
  std::shared_ptr<const ConnectSettings> settings_;
  std::string sql_;
  LoopRemote loop_;
  std::weak_ptr<Hearing> hearing_;
  Result<ConnectionPtr> made_ = Error(Code::unavailable, "not tried yet");
};

void Hearing::connect() {
  auto job =
      std::make_shared<ConnectJob>(server_->settings, sql_, loop_.remote(), weak_from_this());
  if (!server_->blocking.submit(std::move(job))) try_later();
}

void Hearing::try_later() {
  pause_ = std::clamp<Clock::duration>(pause_ * 2, first_pause, longest_pause);
  std::uniform_real_distribution<double> part(0.5, 1.0);
  const auto wait = std::chrono::duration_cast<Clock::duration>(pause_ * part(random_));
  loop_.start(timer_, loop_.now() + wait);
}

void Hearing::connected(Result<ConnectionPtr> made) {
  if (ended_) return;
  server_->note_connect(made.ok() ? Result<>() : Result<>(made.error().clone()));
  if (!made) return try_later();
  pause_ = {};
  hung_up_ = false;
  connection_ = std::move(*made);
  socket_ = PQsocket(connection_.get());
  loop_.add(socket_, *this);
  server_->live.add();
  missed_();
  if (!ended_) hear();
}

void Hearing::drop() {
  if (connection_ == nullptr) return;
  loop_.remove(socket_);
  connection_.reset();
  server_->live.remove();
}

void Hearing::on_timer() {
  const auto self = shared_from_this();
  if (connection_ == nullptr) {
    connect();
  } else {
    hear();
  }
}

void Hearing::on_readiness(Readiness readiness) {
  const auto self = shared_from_this();
  hung_up_ = hung_up_ || readiness.hung_up;
  hear();
}

/// Hands on what is there, a part of it in a turn.
bool Hearing::take() {
  for (int heard = 0; heard < most_in_a_turn; ++heard) {
    const std::unique_ptr<PGnotify, FreeNotify> notification(PQnotifies(connection_.get()));
    if (notification == nullptr) return true;
    meter_.note_result();
    received_(notification->extra);
    if (ended_) return false;
  }
  loop_.start(timer_, loop_.now());
  return false;
}

void Hearing::hear() {
  for (int empty_reads = 0; connection_ != nullptr && take();) {
    int pending = 0;
    const bool is_good = PQconsumeInput(connection_.get()) != 0 &&
                         PQstatus(connection_.get()) == CONNECTION_OK &&
                         ::ioctl(socket_, FIONREAD, &pending) == 0;
    meter_.note_read(socket_, pending);
    // The end of a stream is told by libpq at the latest when nothing came twice.
    const bool is_over = hung_up_ && pending == 0 && ++empty_reads > 2;
    if (!is_good || is_over || meter_.is_over(socket_, server_->options.most_answer_bytes)) {
      server_->lost.fetch_add(1, std::memory_order_relaxed);
      drop();
      return try_later();
    }
    if (pending == 0 && !hung_up_) {
      take();
      return;
    }
  }
}

/// What the listener's owner holds.
class OpenListener final : public Listener {
 public:
  explicit OpenListener(std::shared_ptr<Hearing> hearing) : hearing_(std::move(hearing)) {}
  ~OpenListener() override { hearing_->end(); }

 private:
  std::shared_ptr<Hearing> hearing_;
};

}  // namespace

std::unique_ptr<Listener> make_listener(std::shared_ptr<Server> server, std::string_view channel,
                                        Function<void(std::string_view)> received,
                                        Function<void()> missed) {
  auto hearing =
      std::make_shared<Hearing>(std::move(server), channel, std::move(received), std::move(missed));
  hearing->connect();
  return std::make_unique<OpenListener>(std::move(hearing));
}

}  // namespace kit::postgres::detail
