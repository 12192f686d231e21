// SPDX-License-Identifier: Apache-2.0
#include "kit/log/detail/backend.hpp"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "kit/base/time.hpp"
#include "kit/log/levels.hpp"

namespace kit::log::detail {

namespace {

constexpr std::size_t max_batch = std::size_t{256} * 1024;
/// While lines come the writer looks every 2 ms and nobody has to wake it: a system call less for
/// each line.
constexpr int busy_wait_ms = 2;
constexpr int busy_rounds = 50;

std::int64_t now_us() {
  return Timestamp::now().since_epoch.count();
}

thread_local Ring* thread_ring = nullptr;
thread_local bool thread_ended = false;

}  // namespace

/// Closes the queue of a thread when the thread ends.
struct ThreadRing {
  std::shared_ptr<Ring> ring;
  explicit ThreadRing(Backend& backend) : ring(backend.add_ring()) { thread_ring = ring.get(); }
  ThreadRing(const ThreadRing&) = delete;
  ThreadRing& operator=(const ThreadRing&) = delete;
  ~ThreadRing() {
    thread_ring = nullptr;
    thread_ended = true;
    ring->close();
  }
};

Backend& Backend::instance() {
  static Backend* const backend = [] {
    auto* made = new Backend;  // never destroyed, see above
    std::atexit([] { instance().stop(); });
    return made;
  }();
  return *backend;
}

Backend::Backend() : wake_fd_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  apply({});
  // Signals are for the threads of the program.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  sigdelset(&all, SIGPROF);  // a profile shows this thread too
  pthread_sigmask(SIG_SETMASK, &all, &before);
  writer_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_setname_np(writer_.native_handle(), "kit-log");
  survive_forks();
}

/// A forked child has no writer: it writes its lines itself. No lock may be in the hands of the
/// thread it lacks.
void Backend::survive_forks() {
  static Backend* self = nullptr;
  self = this;
  static constexpr auto unlock = [] {
    self->rings_mutex_.unlock();
    self->sink_mutex_.unlock();
  };
  pthread_atfork(
      [] {
        self->sink_mutex_.lock();
        self->rings_mutex_.lock();
      },
      unlock,
      [] {
        self->writer_is_gone_ = true;
        self->stopped_.store(true);
        unlock();
      });
}

bool Backend::thread_is_ending() {
  return thread_ended;
}

void Backend::apply(const Options& options) {
  options_ = options;
  sink_ = options.sink ? options.sink : fd_sink(STDERR_FILENO);
  const bool terminal = sink_->is_terminal();
  Style style = terminal ? Style::coloured : Style::console;
  if (options.format == Format::json || (options.format == Format::automatic && !terminal)) {
    style = Style::json;
  }
  style_.store(style, std::memory_order_relaxed);
}

Options Backend::configure(const Options& options) {
  flush();
  std::lock_guard lock(sink_mutex_);
  Options before = options_;
  apply(options);
  return before;
}

std::shared_ptr<Ring> Backend::add_ring() {
  auto ring = std::make_shared<Ring>();
  std::lock_guard lock(rings_mutex_);
  rings_.push_back(ring);
  return ring;
}

void Backend::submit(std::int64_t time_us, std::string_view line) {
  if (thread_ended || stopped_.load(std::memory_order_relaxed)) return submit_directly(line);
  if (thread_ring == nullptr) {
    thread_local ThreadRing holder(*this);
  }
  const bool queued = thread_ring->push(time_us, line);
  if (!queued || asleep_.load(std::memory_order_seq_cst) || thread_ring->is_half_full()) wake();
}

/// For threads on their way out and after the end of main: rare, so it may wait.
void Backend::submit_directly(std::string_view line) {
  std::lock_guard lock(sink_mutex_);
  if (!sink_->write(line)) lost_at_sink_.fetch_add(1, std::memory_order_relaxed);
}

void Backend::wake() {
  if (woken_.exchange(true)) return;
  const std::uint64_t one = 1;
  [[maybe_unused]] ssize_t written = ::write(wake_fd_, &one, sizeof one);
}

void Backend::levels_changed() {
  has_expiries_.store(true, std::memory_order_release);
  wake();
}

/// Ends levels whose time is over; for how many milliseconds nobody has to look again, -1: for
/// ever.
int Backend::until_next_expiry() {
  if (!has_expiries_.exchange(false, std::memory_order_acquire)) return -1;
  const auto now = Clock::now();
  const std::optional<Clock::time_point> next = expire_levels(now);
  if (!next) return -1;
  has_expiries_.store(true, std::memory_order_relaxed);
  constexpr std::int64_t longest = 60'000;
  const std::int64_t left = std::chrono::ceil<std::chrono::milliseconds>(*next - now).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, longest));
}

void Backend::sleep(int idle_rounds) {
  int timeout = busy_wait_ms;
  if (has_expiries_.load(std::memory_order_relaxed)) until_next_expiry();
  if (idle_rounds > busy_rounds) {
    asleep_.store(true, std::memory_order_seq_cst);
    timeout = rings_empty() ? until_next_expiry() : 0;
  }
  pollfd waited{wake_fd_, POLLIN, 0};
  ::poll(&waited, 1, timeout);
  asleep_.store(false, std::memory_order_relaxed);
  std::uint64_t count = 0;
  [[maybe_unused]] ssize_t got = ::read(wake_fd_, &count, sizeof count);
  woken_.store(false);
}

void Backend::run() {
  int idle_rounds = 0;
  while (true) {
    const std::uint64_t wanted = flushes_wanted_.load();
    const bool stopping = stopped_.load();
    idle_rounds = drain() ? 0 : idle_rounds + 1;
    if (flushes_done_.load() != wanted) {
      std::lock_guard lock(flush_mutex_);
      flushes_done_.store(wanted);
      flush_done_.notify_all();
    }
    if (stopping) return;
    if (flushes_wanted_.load() == wanted) sleep(idle_rounds);
  }
}

/// Writes everything that was queued when it started; false when there was nothing.
bool Backend::drain() {
  std::lock_guard lock(sink_mutex_);
  const bool any = collect();
  report_losses();
  forget_closed_rings();
  return any;
}

/// Takes the lines of all threads, oldest first. No later ones: a thread that never stops logging
/// must not keep the flush of another one waiting.
bool Backend::collect() {
  {
    std::lock_guard lock(rings_mutex_);
    for (const auto& ring : rings_) sources_.push_back({ring, ring->head()});
  }
  std::size_t lines = 0;
  bool any = false;
  while (true) {
    Ring* oldest = nullptr;
    Ring::Line line{};
    for (const Source& source : sources_) {
      auto front = source.ring->front(source.until);
      if (front && (oldest == nullptr || front->time < line.time)) {
        oldest = source.ring.get();
        line = *front;
      }
    }
    if (oldest == nullptr) break;
    batch_.append(line.text);
    oldest->pop();
    any = true;
    ++lines;
    if (batch_.size() >= max_batch) {
      write_batch(lines);
      lines = 0;
    }
  }
  write_batch(lines);
  sources_.clear();
  return any;
}

void Backend::write_batch(std::size_t lines) {
  if (lines > 0 && !sink_->write(batch_)) {
    lost_at_sink_.fetch_add(lines, std::memory_order_relaxed);
  }
  batch_.clear();
}

void Backend::report_losses() {
  const std::uint64_t lost = lost_lines();
  if (lost == lost_reported_) return;
  std::string line;
  render(line, style(),
         {now_us(),
          Level::warn,
          "log",
          "log lines were lost",
          nullptr,
          {{"lost", lost - lost_reported_}, {"lost_since_start", lost}}});
  if (sink_->write(line)) lost_reported_ = lost;  // otherwise with the next batch that gets through
}

void Backend::forget_closed_rings() {
  std::lock_guard lock(rings_mutex_);
  std::erase_if(rings_, [&](const std::shared_ptr<Ring>& ring) {
    if (!ring->is_closed() || !ring->is_empty()) return false;
    lost_in_closed_ += ring->lost();
    return true;
  });
}

bool Backend::rings_empty() {
  std::lock_guard lock(rings_mutex_);
  return std::ranges::all_of(rings_, [](const auto& ring) { return ring->is_empty(); });
}

std::uint64_t Backend::lost_lines() const {
  std::lock_guard lock(rings_mutex_);
  std::uint64_t lost = lost_in_closed_ + lost_at_sink_.load(std::memory_order_relaxed);
  for (const auto& ring : rings_) lost += ring->lost();
  return lost;
}

void Backend::flush() {
  if (stopped_.load() || std::this_thread::get_id() == writer_.get_id()) return;
  const std::uint64_t ticket = flushes_wanted_.fetch_add(1) + 1;
  wake();
  std::unique_lock lock(flush_mutex_);
  flush_done_.wait(lock, [&] { return flushes_done_.load() >= ticket || stopped_.load(); });
}

void Backend::flush_from_signal() {
  if (stopped_.load() || pthread_equal(pthread_self(), writer_.native_handle()) != 0) return;
  const std::uint64_t ticket = flushes_wanted_.fetch_add(1) + 1;
  woken_.store(false);
  wake();
  for (int round = 0; round < 500 && flushes_done_.load() < ticket; ++round) {
    timespec millisecond{0, 1'000'000};
    ::nanosleep(&millisecond, nullptr);
  }
}

/// From here on lines are written by those who log them.
void Backend::stop() {
  if (writer_is_gone_) return;
  stopped_.store(true);
  wake();
  writer_.join();
  drain();  // lines queued between the writer's last look and its end
  std::lock_guard lock(flush_mutex_);
  flush_done_.notify_all();
}

}  // namespace kit::log::detail
