// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/redis/detail/login.hpp"

#include <utility>
#include <vector>

#include "kit/adapters/redis/detail/errors.hpp"
#include "kit/adapters/redis/detail/thread.hpp"

namespace kit::redis::detail {
namespace {

using Words = std::vector<std::string_view>;

struct Login {
  std::string_view user, password;
};

Login login_of(const Dsn& dsn, Purpose purpose) {
  if (purpose == Purpose::sentinel) return {dsn.sentinel_user, dsn.sentinel_password.reveal()};
  return {dsn.user, dsn.password.reveal()};
}

/// What each step of logging in answers has to be no error.
Task<> step(Link& link, Words words) {
  // The whole has its limit already.
  Reply reply = co_await link.call(words, Clock::duration::max());
  if (reply.is_error()) co_await reply.to_error();
}

/// False: the server has no RESP3.
Task<bool> say_hello(Link& link, const Dsn& dsn, Login login) {
  Words hello = {"HELLO", "3"};
  if (!login.password.empty()) {
    const std::string_view user = login.user.empty() ? std::string_view("default") : login.user;
    hello.insert(hello.end(), {"AUTH", user, login.password});
  }
  if (!dsn.client_name.empty()) hello.insert(hello.end(), {"SETNAME", dsn.client_name});
  Reply reply = co_await link.call(hello, Clock::duration::max());
  if (!reply.is_error()) co_return true;
  Error why = reply.to_error();
  // Also NOPERM, for a user that may not say HELLO.
  const bool is_older = why.code() == Code::unimplemented || error_word(reply.bytes()) == "NOPERM";
  if (is_older && dsn.protocol != 3) co_return false;
  co_return why;
}

Task<> log_in(Link& link, const Dsn& dsn, Purpose purpose) {
  const Login login = login_of(dsn, purpose);
  bool said_hello = false;
  if (dsn.protocol != 2) said_hello = co_await say_hello(link, dsn, login);
  if (!said_hello && !login.password.empty()) {
    Words words = {"AUTH"};
    if (!login.user.empty()) words.push_back(login.user);
    words.push_back(login.password);
    co_await step(link, std::move(words));
  }
  if (!said_hello && !dsn.client_name.empty()) {
    Words words = {"CLIENT", "SETNAME", dsn.client_name};
    co_await step(link, std::move(words));
  }
  const std::string database = std::to_string(dsn.database);
  if (dsn.database != 0 && purpose != Purpose::sentinel) {
    Words words = {"SELECT", database};
    co_await step(link, std::move(words));
  }
  if (purpose == Purpose::replica) {
    Words words = {"READONLY"};
    co_await step(link, std::move(words));
  }
}

Task<std::unique_ptr<Link>> connect(std::shared_ptr<Thread> thread, Address address,
                                    Purpose purpose) {
  const std::shared_ptr<Shared> shared = thread->shared();
  net::Endpoint endpoint;
  endpoint.host = address.host;
  endpoint.port = address.port;
  endpoint.tls = shared->dsn.tls;
  auto stream = co_await thread->connector().connect(std::move(endpoint));
  auto link = std::make_unique<Link>(std::move(stream), shared);
  co_await log_in(*link, shared->dsn, purpose);
  co_return std::move(link);
}

}  // namespace

Task<std::unique_ptr<Link>> open_link(std::shared_ptr<Thread> thread, Address address,
                                      Purpose purpose) {
  const std::shared_ptr<Shared> shared = thread->shared();
  const std::string where = address.shown();
  Task<std::unique_ptr<Link>> connecting = connect(thread, std::move(address), purpose);
  Task<std::unique_ptr<Link>> limited =
      within(shared->options.connect_timeout, "CONNECT_TIMEOUT", std::move(connecting));
  auto link = co_await as_result(std::move(limited));
  if (link.ok()) co_return std::move(*link);
  shared->counts.failed_connects.add();
  co_return unreachable(where, std::move(link).error());
}

}  // namespace kit::redis::detail
