// SPDX-License-Identifier: Apache-2.0
#include "kit/telemetry/tracer.hpp"

#include <utility>

#include "kit/telemetry/span_queue.hpp"

namespace kit::telemetry {
namespace {

std::atomic<std::uint64_t> next_tracer{1};
/// Emptied records that a thread keeps for its next spans.
constexpr std::size_t most_kept = 256;
/// Set when the thread's state is gone: what runs now are destructors of thread-local objects.
thread_local bool thread_ended = false;

}  // namespace

/// The options in force, with what follows from them.
struct Tracer::Current {
  Sampler sampler;
  TracerOptions options;
};

/// What a thread knows of the tracer that it used last, without a lock.
struct Tracer::ThreadState {
  std::uint64_t tracer = 0;
  std::uint64_t generation = 0;
  std::shared_ptr<const Current> current;
  std::shared_ptr<SpanQueue> queue;
  std::vector<std::unique_ptr<SpanRecord>> kept;

  ThreadState() = default;
  ThreadState(const ThreadState&) = delete;
  ThreadState& operator=(const ThreadState&) = delete;
  ~ThreadState() {
    leave();
    thread_ended = true;
  }
  void leave() {
    if (queue) queue->close();
    queue.reset();
    current.reset();
    generation = 0;
  }
};

Tracer::Tracer(SpanProcessorOptions processor, TraceTableOptions table)
    : id_(next_tracer.fetch_add(1, std::memory_order_relaxed)), processor_(processor, table) {}

Tracer::~Tracer() = default;

Result<std::unique_ptr<Tracer>> Tracer::make(TracerOptions options, SpanProcessorOptions processor,
                                             TraceTableOptions table) {
  std::unique_ptr<Tracer> made(new Tracer(processor, table));
  KIT_TRY(made->apply(std::move(options)));
  return made;
}

Result<> Tracer::apply(TracerOptions options) {
  auto sampler = Sampler::make(options.sampling);
  if (!sampler) return std::move(sampler).error();
  auto current = std::make_shared<const Current>(std::move(*sampler), std::move(options));
  const std::lock_guard lock(mutex_);
  current_ = std::move(current);
  generation_.fetch_add(1, std::memory_order_release);
  return {};
}

Tracer::ThreadState& Tracer::here() {
  thread_local ThreadState state;
  if (state.tracer != id_) [[unlikely]] {
    state.leave();
    state.tracer = id_;
  }
  return state;
}

const Tracer::Current& Tracer::current() {
  ThreadState& state = here();
  if (state.generation != generation_.load(std::memory_order_acquire)) [[unlikely]] {
    const std::lock_guard lock(mutex_);
    state.current = current_;
    state.generation = generation_.load(std::memory_order_relaxed);
  }
  return *state.current;
}

bool Tracer::trusts(std::string_view peer) {
  const auto& trusts = current().options.trusts;
  return trusts != nullptr && trusts(peer);
}

void Tracer::identify(LogContext& log, const IncomingTrace& incoming) {
  log.tracer = this;
  log.trace_state = {};
  log.baggage = {};
  log.span_id = new_span_id();
  if (incoming.is_trusted) [[unlikely]] {
    log.baggage = incoming.baggage;
    if (const auto parent = parse_trace_parent(incoming.trace_parent)) {
      parent->trace_id.copy(log.trace_id.data(), log.trace_id.size());
      log.random = (parent->flags & flag_random) != 0;
      log.trace_state = incoming.trace_state;
      return;
    }
  }
  log.trace_id = new_trace_id();
  log.random = true;
}

void Tracer::decide(LogContext& log, std::string_view route, const IncomingTrace& incoming) {
  auto parent = Sampler::Parent::none;
  if (incoming.is_trusted) [[unlikely]] {
    const auto named = parse_trace_parent(incoming.trace_parent);
    if (named) {
      parent = (named->flags & flag_sampled) != 0 ? Sampler::Parent::sampled
                                                  : Sampler::Parent::unsampled;
    }
  }
  const bool is_forced = incoming.is_trusted && incoming.is_forced;
  current().sampler.decide(log, route, parent, is_forced);
}

std::string_view Tracer::force_header() {
  return current().options.force_header;
}

std::chrono::milliseconds Tracer::slow() {
  return current().options.slow;
}

std::unique_ptr<SpanRecord> Tracer::acquire() {
  if (thread_ended) return std::make_unique<SpanRecord>();
  ThreadState& state = here();
  if (state.kept.empty()) return std::make_unique<SpanRecord>();
  std::unique_ptr<SpanRecord> record = std::move(state.kept.back());
  state.kept.pop_back();
  record->clear();
  return record;
}

void Tracer::submit(std::unique_ptr<SpanRecord> record) {
  if (thread_ended) return;
  ThreadState& state = here();
  if (!state.queue) [[unlikely]]
    state.queue = processor_.add_queue();
  if (state.queue->push(record)) {
    const std::size_t waiting = state.queue->waiting();
    if (waiting == processor_.wake_at()) [[unlikely]]
      processor_.wake();
  }
  reuse(std::move(record));
}

void Tracer::reuse(std::unique_ptr<SpanRecord> record) {
  if (thread_ended || !record) return;
  ThreadState& state = here();
  if (state.kept.size() < most_kept) state.kept.push_back(std::move(record));
}

}  // namespace kit::telemetry
