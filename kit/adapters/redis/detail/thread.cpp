// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/thread.hpp"

#include <algorithm>

#include "kit/net/connect.hpp"

namespace kit::redis::detail {
namespace {

constexpr std::size_t read_buffer_size = 64 * 1024;

Error client_ended() {
  return Error(Code::cancelled, "the client of Redis has ended");
}

}  // namespace

Thread::Thread(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)), random_(std::random_device()()) {}

Thread::~Thread() {
  shut();
}

void Thread::bind() {
  Loop& loop = Loop::current();
  if (loop_ == &loop) return;
  KIT_ASSERT(loop_ == nullptr, "a client of Redis on two loops of one thread");
  loop_ = &loop;
  remote_ = loop.remote();
  loop.attach(*this);
  read_buffer_.resize(read_buffer_size);
  // What is made here outlives whoever happens to ask first.
  Context::Entry none(nullptr);
  if (shared_->options.connector) {
    connector_ = shared_->options.connector();
    return;
  }
  resolver_ = std::make_unique<net::Resolver>();
  net::ConnectorOptions options;
  options.timeout = shared_->options.connect_timeout;
  options.tls_timeout = shared_->options.connect_timeout;
  connector_ = net::make_connector(*resolver_, shared_->tls, std::move(options));
}

void Thread::close() {
  if (std::this_thread::get_id() == owner_) return shut();
  // False: the loop has ended, and the connections with it.
  static_cast<void>(remote_.post([self = shared_from_this()] { self->shut(); }));
}

void Thread::shut() {
  if (loop_ == nullptr) return;
  watching.reset();
  refreshing.reset();
  auto nodes = std::exchange(nodes_, {});
  const auto primary = std::exchange(primary_, nullptr);
  if (primary != nullptr) primary->close(client_ended());
  for (const auto& [address, node] : nodes) node->close(client_ended());
  connector_.reset();
  resolver_.reset();
  read_buffer_ = {};
  ListNode<LoopEndTag>::unlink();
  loop_ = nullptr;
}

Clock::duration Thread::jittered(Clock::duration duration) {
  std::uniform_real_distribution<double> part(0.5, 1.0);
  return std::chrono::duration_cast<Clock::duration>(duration * part(random_));
}

std::size_t Thread::any_below(std::size_t end) {
  return std::uniform_int_distribution<std::size_t>(0, end - 1)(random_);
}

const std::shared_ptr<Node>& Thread::primary() {
  if (primary_ == nullptr) {
    Address address = shared_->dsn.hosts.front();
    Node::Kind kind;
    kind.follows_sentinels = shared_->dsn.layout == Layout::sentinel;
    if (kind.follows_sentinels) address = {shared_->name, 0};
    primary_ = std::make_shared<Node>(*this, std::move(address), kind);
  }
  return primary_;
}

std::shared_ptr<Node> Thread::node(const Address& address, bool is_replica) {
  auto& node = nodes_[{address, is_replica}];
  if (node == nullptr) {
    Node::Kind kind;
    kind.is_replica = is_replica;
    node = std::make_shared<Node>(*this, address, kind);
  }
  return node;
}

const std::shared_ptr<const SlotMap>& Thread::map() {
  const std::uint64_t version = shared_->slots.version();
  if (version != map_version_) {
    map_ = shared_->slots.map();
    map_version_ = version;
    keep_only(*map_);
  }
  return map_;
}

void Thread::keep_only(const SlotMap& map) {
  const auto is_known = [&](const Address& address) {
    return std::ranges::any_of(map.shards, [&](const SlotMap::Shard& shard) {
      return shard.primary == address ||
             std::ranges::find(shard.replicas, address) != shard.replicas.end();
    });
  };
  std::erase_if(nodes_, [&](const auto& entry) {
    // Whoever has been given it is about to use it.
    if (is_known(entry.first.first) || entry.second.use_count() > 1) return false;
    if (!entry.second->is_idle()) return false;
    entry.second->close(client_ended());
    return true;
  });
}

void Thread::run(std::unique_ptr<Background>& place, Task<> task, std::string_view name) {
  if (place != nullptr && !place->is_done) return;
  Context::Entry none(nullptr);
  place = std::make_unique<Background>();
  place->task.emplace(std::move(task));
  Context::Entry entry(&place->context);
  auto ended = [](void* self) { static_cast<Background*>(self)->is_done = true; };
  if (place->task->start(ended, place.get(), name)) {
    place->is_done = true;
  } else {
    place->task->list_as(name);
  }
}

}  // namespace kit::redis::detail
