// SPDX-License-Identifier: Apache-2.0
#include "kit/net/resolver.hpp"

#include <algorithm>
#include <list>
#include <map>
#include <optional>
#include <utility>

#include "kit/async/context.hpp"
#include "kit/async/intrusive_list.hpp"
#include "kit/async/operation.hpp"
#include "kit/base/text.hpp"

namespace kit::net {
namespace {

/// RFC 1035, with the final dot left out; underscores are in use.
bool is_host_name(std::string_view host) {
  if (host.ends_with('.')) host.remove_suffix(1);
  if (host.empty() || host.size() > 253) return false;
  std::size_t label = 0;
  for (const char c : host) {
    if (c == '.') {
      if (label == 0) return false;
      label = 0;
      continue;
    }
    const bool good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (!good || ++label > 63) return false;
  }
  return label > 0;
}

Error not_a_host(const std::string& host) {
  return Error(Code::unavailable, "'" + host.substr(0, 253) + "' is no name of a host")
      .with_reason("HOST_NOT_FOUND");
}

}  // namespace

struct Resolver::State {
  class Wait;
  struct Waiting;
  struct Entry {
    State* state = nullptr;
    std::string host;
    std::optional<Task<Addresses>> asking;
    std::optional<Result<Addresses>> answer;
    Clock::time_point until;
    IntrusiveList<Wait, Waiting> waiting;
  };
  using Entries = std::map<std::string, Entry, std::less<>>;

  State(ResolverOptions wanted, Lookup how) : options(wanted), lookup(std::move(how)) {
    // Not those of whoever happens to make the resolver.
    context.set_log_context(nullptr);
  }

  Entry* find(const std::string& host);
  Entry& ask(const std::string& host);
  void answered(Entry& entry);
  void make_room();

  ResolverOptions options;
  Lookup lookup;
  Entries entries;
  Context context{Context::Detached{}};  ///< Of the lookups: nobody's deadline is theirs.
};

/// Waits for the lookup of an entry.
class Resolver::State::Wait final : public Operation<Addresses>, public ListNode<Waiting> {
 public:
  explicit Wait(Entry& entry) : entry_(entry) {}
  ~Wait() { detach(); }
  /// With a copy: the entry may be gone when the task goes on.
  void wake(const Result<Addresses>& answer) {
    if (answer.ok()) {
      succeed(*answer);
    } else {
      fail(answer.error().clone());
    }
  }

 private:
  void start() override { entry_.waiting.push_back(*this); }
  void detach() override { ListNode<Waiting>::unlink(); }
  Entry& entry_;
};

/// What is known about `host` and still holds, or is being asked for; null: nothing.
Resolver::State::Entry* Resolver::State::find(const std::string& host) {
  const auto found = entries.find(host);
  if (found == entries.end()) return nullptr;
  Entry& entry = found->second;
  if (entry.answer && entry.until <= Loop::current().now()) {
    entries.erase(found);
    return nullptr;
  }
  return &entry;
}

/// Forgets what ends first; lookups at work stay.
void Resolver::State::make_room() {
  if (entries.size() < options.most_names) return;
  auto oldest = entries.end();
  for (auto entry = entries.begin(); entry != entries.end(); ++entry) {
    if (!entry->second.answer) continue;
    if (oldest == entries.end() || entry->second.until < oldest->second.until) oldest = entry;
  }
  if (oldest != entries.end()) entries.erase(oldest);
}

Resolver::State::Entry& Resolver::State::ask(const std::string& host) {
  Entry& entry = entries[host];
  entry.state = this;
  entry.host = host;
  entry.asking.emplace(lookup(host));
  const Context::Entry outside(&context);
  const auto on_finish = [](void* argument) {
    auto* const done = static_cast<Entry*>(argument);
    done->state->answered(*done);
  };
  if (entry.asking->start(on_finish, &entry)) answered(entry);
  return entry;
}

void Resolver::State::answered(Entry& entry) {
  entry.answer = entry.asking->take();
  entry.asking.reset();
  Result<Addresses>& answer = *entry.answer;
  if (answer.ok() && answer->empty()) answer = not_a_host(entry.host);
  const bool found = answer.ok();
  if (found && answer->size() > options.most_addresses) {
    answer->erase(answer->begin() + static_cast<std::ptrdiff_t>(options.most_addresses),
                  answer->end());
    answer->shrink_to_fit();
  }
  entry.until = Loop::current().now() + (found ? options.found_for : options.not_found_for);
  while (!entry.waiting.empty()) entry.waiting.pop_front().wake(answer);
}

Resolver::Resolver(ResolverOptions options, Lookup lookup)
    : state_(std::make_unique<State>(options, std::move(lookup))) {}
Resolver::~Resolver() = default;

std::size_t Resolver::size() const {
  return state_->entries.size();
}

Task<Addresses> Resolver::resolve(std::string host) {
  if (const auto numeric = IpAddress::parse(host)) co_return Addresses{*numeric};
  host = to_lower(host);
  if (!is_host_name(host)) co_return not_a_host(host);
  State& state = *state_;
  State::Entry* entry = state.find(host);
  if (entry == nullptr) {
    state.make_room();
    if (state.entries.size() >= state.options.most_names) {
      co_return Error(Code::resource_exhausted, "too many names are being looked up at once")
          .with_reason("LOOKUP_FAILED");
    }
    entry = &state.ask(host);
  }
  if (!entry->answer) {
    State::Wait wait(*entry);
    Addresses answer = co_await wait;
    co_return answer;
  }
  if (!entry->answer->ok()) co_return entry->answer->error().clone();
  Addresses addresses = **entry->answer;
  co_return addresses;
}

}  // namespace kit::net
