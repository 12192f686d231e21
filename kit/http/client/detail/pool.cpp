// SPDX-License-Identifier: Apache-2.0
#include "kit/http/client/detail/pool.hpp"

#include <algorithm>
#include <utility>

#include "kit/http/client/detail/http1.hpp"
#include "kit/http/client/detail/http2.hpp"
#include "kit/http/client/detail/tunnel.hpp"

namespace kit::http::detail {
namespace {

/// Hosts that are remembered although nothing goes on with them.
constexpr std::size_t most_quiet_hosts = 1'000;

net::Endpoint endpoint_of(const Url& url, Http2Use http2 = Http2Use::never) {
  net::Endpoint endpoint;
  endpoint.host = url.host;
  endpoint.port = url.port;
  endpoint.tls = url.tls();
  if (url.tls()) {
    if (http2 != Http2Use::never) endpoint.application_protocols = {"h2"};
    endpoint.application_protocols.emplace_back("http/1.1");
  }
  return endpoint;
}

Error connect_timeout(const net::Endpoint& endpoint) {
  return Error(Code::unavailable, "connecting to " + endpoint.host + " port " +
                                      std::to_string(endpoint.port) + " took too long")
      .with_reason("CONNECT_TIMEOUT");
}

}  // namespace

PoolLease& PoolLease::operator=(PoolLease&& other) noexcept {
  if (this == &other) return *this;
  give_back();
  pool_ = std::move(other.pool_);
  host_ = std::move(other.host_);
  entry_ = std::exchange(other.entry_, nullptr);
  used_ = std::exchange(other.used_, false);
  reusable_ = std::exchange(other.reusable_, false);
  return *this;
}

void PoolLease::give_back() {
  if (!pool_) return;
  const auto pool = std::exchange(pool_, nullptr);
  const auto host = std::exchange(host_, nullptr);
  PoolEntry* const entry = std::exchange(entry_, nullptr);
  if (entry != nullptr) {
    pool->release(*entry, !used_ || reusable_);
  } else {
    pool->release_place(*host);
  }
  pool->serve_waiters(host);
}

void PoolLease::fill(std::unique_ptr<ClientConnection> connection) {
  auto entry = std::make_unique<PoolEntry>();
  entry->host = host_.get();
  entry->connection = std::move(connection);
  entry->opened = pool_->loop_->now();
  entry->active = 1;
  --host_->connecting;
  host_->counter.host->connections.add();
  host_->counter.add(&LiveNumbers::opened);
  host_->counter.add(&LiveNumbers::busy);
  entry_ = host_->entries.emplace_back(std::move(entry)).get();
}

ClientConnection& PoolLease::use() {
  used_ = true;
  if (std::exchange(entry_->served, true)) host_->counter.add(&LiveNumbers::reused);
  return *entry_->connection;
}

bool PoolLease::usable() {
  return entry_->connection->usable();
}

void PoolLease::replace() {
  PoolEntry& entry = *std::exchange(entry_, nullptr);
  host_->counter.add(&LiveNumbers::stale);
  pool_->release(entry, false);
  if (host_->entries.size() + host_->connecting < pool_->options_.pool.per_host) {
    ++host_->connecting;
  } else {
    pool_.reset();  // others still use it, so that there is no place for another
    host_.reset();
  }
}

void PoolLease::finish(bool reusable) {
  reusable_ = reusable;
  give_back();
}

void PoolWait::grant(PoolLease lease) {
  detach();
  succeed(std::move(lease));
}

void PoolWait::start() {
  host_.waiters.push_back(*this);
  ++pool_.waiting_;
  host_.counter.add(&LiveNumbers::waiters);
}

void PoolWait::detach() {
  if (!ListNode<PoolWaitTag>::linked()) return;
  ListNode<PoolWaitTag>::unlink();
  --pool_.waiting_;
  host_.counter.add(&LiveNumbers::waiters, std::int64_t{-1});
}

PoolHost::PoolHost(std::shared_ptr<ClientStatistics> statistics, std::string host_name,
                   net::Endpoint host_endpoint, resilience::Breakers& breakers)
    : name(std::move(host_name)),
      endpoint(std::move(host_endpoint)),
      dependency(breakers.at("http", name)),
      counter(std::move(statistics), name, authority_of(endpoint)) {}

Pool::Pool(net::Connector& connector, ClientOptions options)
    : connector_(connector), options_(std::move(options)), proxy_(parse_proxy(options_.proxy)) {
  if (!options_.statistics) options_.statistics = std::make_shared<ClientStatistics>();
  if (!options_.breakers) {
    resilience::DependencyOptions guard;
    guard.breaker = options_.breaker;
    guard.retry = options_.retry;
    options_.breakers = std::make_shared<resilience::Breakers>(guard);
  }
  timer_.set_action([](void* self) { static_cast<Pool*>(self)->close_expired(); }, this);
}

Pool::~Pool() {
  close_idle();
}

std::shared_ptr<PoolHost> Pool::host(const Url& url) {
  const bool through_proxy = !options_.proxy.url.empty();
  std::string name = url.origin();
  if (through_proxy && proxy_.ok()) name += " via " + proxy_->origin();
  auto there = hosts_.find(name);
  if (there != hosts_.end()) return there->second;
  if (hosts_.size() >= most_quiet_hosts) forget_hosts();
  auto host = std::make_shared<PoolHost>(statistics(), name, endpoint_of(url, options_.http2),
                                         *options_.breakers);
  host->through_proxy = through_proxy;
  host->multiplexes = options_.http2 == Http2Use::prior_knowledge && !url.tls() && !through_proxy;
  hosts_.emplace(std::move(name), host);
  return host;
}

void Pool::forget_hosts() {
  std::erase_if(hosts_, [](const auto& entry) {
    return entry.second.use_count() == 1 && entry.second->entries.empty();
  });
}

Task<PoolLease> Pool::acquire(std::shared_ptr<PoolHost> host, bool fresh) {
  loop_ = &Loop::current();
  PoolLease lease;
  if (host->waiters.empty()) lease = try_take(host, fresh);
  while (!lease) {
    if (waiting_ >= options_.pool.waiters) {
      co_return Error(Code::resource_exhausted,
                      "too many requests wait for a connection to " + host->name)
          .with_reason("POOL_EXHAUSTED");
    }
    PoolWait wait(*this, *host);
    lease = co_await wait;
    // A turn has passed since the connection was looked at.
    if (lease.has_connection() && !lease.usable()) lease.replace();
  }
  if (!lease.has_connection()) {
    auto stream = co_await connect(host);
    // Until the first answer of ALPN nobody knows: then one connection is made for each request.
    if (host->endpoint.tls) host->multiplexes = stream->application_protocol() == "h2";
    if (host->multiplexes) {
      lease.fill(std::make_unique<Http2ClientConnection>(std::move(stream), options_));
      serve_waiters(host);
    } else {
      lease.fill(std::make_unique<Http1Connection>(std::move(stream), options_,
                                                   host->through_proxy && !host->endpoint.tls));
    }
  }
  co_return lease;
}

Task<std::unique_ptr<net::Stream>> Pool::connect(std::shared_ptr<PoolHost> host) {
  net::Endpoint endpoint = host->endpoint;
  const bool tunnelled = host->through_proxy && endpoint.tls;
  if (host->through_proxy) {
    if (!proxy_.ok()) co_return proxy_.error().clone();
    endpoint = endpoint_of(*proxy_);
  }
  Clock::duration limit = options_.connect_timeout;
  if (endpoint.tls) limit += options_.tls_timeout;
  // The proxy connects to the server before it answers.
  if (tunnelled) limit += options_.header_timeout + options_.tls_timeout;
  auto connecting = tunnelled ? connect_by_tunnel(connector_, endpoint, host->endpoint, options_)
                              : connector_.connect(endpoint);
  auto limited = with_deadline(limit, std::move(connecting));
  auto stream = co_await as_result(std::move(limited));
  if (stream.ok()) co_return std::move(*stream);
  const Context* context = Context::current();
  const bool own_limit = context == nullptr || !context->cancelled();
  if (stream.error().code() == Code::deadline_exceeded && own_limit) {
    co_return connect_timeout(endpoint);
  }
  co_return std::move(stream).error();
}

/// A connection with room, or a place for a new one, or nothing.
PoolLease Pool::try_take(const std::shared_ptr<PoolHost>& host, bool fresh) {
  PoolEntry* const entry = fresh ? nullptr : find_usable(*host);
  if (entry != nullptr) {
    take(*entry);
    return {shared_from_this(), host, entry};
  }
  // The connection that is being made will serve this request too.
  if (host->multiplexes && host->connecting > 0) return {};
  if (host->entries.size() + host->connecting >= options_.pool.per_host) {
    auto idle =
        std::ranges::find_if(host->entries, [](const auto& one) { return one->active == 0; });
    if (idle == host->entries.end()) return {};
    close(**idle);
  }
  ++host->connecting;
  return {shared_from_this(), host, nullptr};
}

/// The one used last: the others may then end by their idle timeout.
PoolEntry* Pool::find_usable(PoolHost& host) {
  const auto now = loop_->now();
  while (true) {
    PoolEntry* best = nullptr;
    for (const auto& entry : host.entries) {
      if (entry->doomed || entry->active >= entry->connection->capacity()) continue;
      if (best == nullptr || entry->idle_since >= best->idle_since) best = entry.get();
    }
    if (best == nullptr) return nullptr;
    const bool expired = best->active == 0 && now - best->idle_since >= options_.pool.idle_timeout;
    const bool gone = !expired && !best->connection->usable();
    if (!expired && !gone && now - best->opened < options_.pool.age) return best;
    if (gone) host.counter.add(&LiveNumbers::stale);
    best->doomed = true;
    if (best->active == 0) close(*best);
  }
}

void Pool::take(PoolEntry& entry) {
  if (entry.active++ > 0) return;
  entry.ListNode<IdleTag>::unlink();
  --idle_count_;
  entry.host->counter.add(&LiveNumbers::idle, std::int64_t{-1});
  entry.host->counter.add(&LiveNumbers::busy);
}

void Pool::release(PoolEntry& entry, bool reusable) {
  if (entry.connection->multiplexes()) {
    reusable = Loop::current_or_null() != nullptr && entry.connection->usable();
  }
  entry.doomed |= !reusable || stopped_ || loop_->now() - entry.opened >= options_.pool.age;
  if (--entry.active > 0) return;
  entry.host->counter.add(&LiveNumbers::busy, std::int64_t{-1});
  entry.host->counter.add(&LiveNumbers::idle);
  entry.idle_since = loop_->now();
  idle_.push_back(entry);
  ++idle_count_;
  if (entry.doomed) {
    close(entry);
  } else if (idle_count_ > options_.pool.idle && entry.host->waiters.empty()) {
    close(idle_.front());
  }
  arm();
}

void Pool::release_place(PoolHost& host) {
  --host.connecting;
}

/// Of a connection that is idle.
void Pool::close(PoolEntry& entry) {
  entry.ListNode<IdleTag>::unlink();
  --idle_count_;
  PoolHost& host = *entry.host;
  host.counter.add(&LiveNumbers::idle, std::int64_t{-1});
  host.counter.host->connections.remove();
  std::erase_if(host.entries, [&](const auto& one) { return one.get() == &entry; });
}

void Pool::serve_waiters(const std::shared_ptr<PoolHost>& host) {
  // After the loop has ended tasks are dropped one by one: nobody waits for an answer any more.
  if (Loop::current_or_null() == nullptr) return;
  while (!host->waiters.empty()) {
    PoolLease lease = try_take(host, false);
    if (!lease) return;
    host->waiters.front().grant(std::move(lease));
  }
}

void Pool::close_expired() {
  const auto now = loop_->now();
  while (!idle_.empty() && now - idle_.front().idle_since >= options_.pool.idle_timeout) {
    close(idle_.front());
  }
  arm();
}

/// The timer is moved only when it would fire too late; when it fires too early it is armed again.
void Pool::arm() {
  if (idle_.empty()) return timer_.stop();
  const auto at = idle_.front().idle_since + options_.pool.idle_timeout;
  if (!timer_.armed() || at < timer_.at()) loop_->start(timer_, at);
}

void Pool::close_idle() {
  while (!idle_.empty()) close(idle_.front());
  timer_.stop();
}

void Pool::stop() {
  stopped_ = true;
  close_idle();
}

}  // namespace kit::http::detail
