// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/redis/detail/engine.hpp"
#include "kit/adapters/redis/detail/sha1.hpp"
#include "kit/adapters/redis/redis.hpp"
#include "kit/telemetry/traced.hpp"

namespace kit::redis {
namespace {

using Words = std::vector<std::string_view>;

void append(Words& words, std::span<const std::string> more) {
  words.insert(words.end(), more.begin(), more.end());
}

/// Of commands that are sent together; what they are about, keys and values, is not told.
telemetry::Span span_of(std::string_view operation, std::size_t commands = 1) {
  constexpr std::size_t longest = 32;
  std::string name(operation.substr(0, longest));
  std::ranges::transform(name, name.begin(), [](char c) {
    return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  });
  telemetry::Span span(name, telemetry::SpanKind::client);
  span.set(telemetry::attribute::db_system, "redis");
  span.set(telemetry::attribute::db_operation, name);
  if (commands > 1) {
    span.set(telemetry::attribute::db_batch_size, static_cast<std::int64_t>(commands));
  }
  return span;
}

std::string_view first_of(Command words) {
  return words.empty() ? std::string_view() : words.front();
}

Result<> check(const RedisOptions& options) {
  using std::chrono::milliseconds;
  const auto bad = [](std::string_view what) {
    return Error(Code::invalid_argument, std::string(what)).with_reason("OPTIONS_INVALID");
  };
  if (options.connections_per_node < 1) return bad("connections_per_node is below 1");
  if (options.sessions_per_node < 1) return bad("sessions_per_node is below 1");
  // ASKING and what it is for are sent together.
  if (options.pipeline_depth < 2) return bad("pipeline_depth is below 2");
  if (options.connect_timeout < milliseconds(1)) return bad("connect_timeout is below 1 ms");
  if (options.response_timeout < milliseconds(1)) return bad("response_timeout is below 1 ms");
  if (options.queue_limit < milliseconds(1)) return bad("queue_limit is below 1 ms");
  if (options.first_backoff < milliseconds(1)) return bad("first_backoff is below 1 ms");
  if (options.longest_backoff < options.first_backoff)
    return bad("longest_backoff is below first_backoff");
  if (options.keep_alive < milliseconds(1)) return bad("keep_alive is below 1 ms");
  return {};
}

Result<std::shared_ptr<net::TlsStore>> make_tls(const detail::Dsn& dsn) {
  if (!dsn.tls) return std::shared_ptr<net::TlsStore>();
  net::TlsClientOptions options;
  options.ca = dsn.ca;
  options.certificate = {dsn.certificate, dsn.key};
  // What Redis 6 speaks when OpenSSL is older.
  options.min_version = net::TlsVersion::tls_1_2;
  options.verify = dsn.verify;
  auto context = net::TlsContext::make_client(options);
  if (!context) return std::move(context).error();
  return std::make_shared<net::TlsStore>(std::move(*context));
}

}  // namespace

Script::Script(std::string text) : text_(std::move(text)), hash_(detail::sha1_hex(text_)) {}

Client::Client(std::unique_ptr<detail::Engine> engine) : engine_(std::move(engine)) {}
Client::~Client() = default;

Task<Reply> Client::command(Command words, CommandOptions options) {
  if (!telemetry::is_recorded()) return engine_->command(words, options);
  return telemetry::traced(span_of(first_of(words)), engine_->command(words, options));
}

Task<std::vector<Reply>> Client::pipeline(std::span<const Command> commands) {
  if (!telemetry::is_recorded()) return engine_->pipeline(commands);
  return telemetry::traced(span_of("PIPELINE", commands.size()), engine_->pipeline(commands));
}

Task<Reply> Client::blocking(Command words, std::chrono::milliseconds server_wait) {
  if (!telemetry::is_recorded()) return engine_->blocking(words, server_wait);
  return telemetry::traced(span_of(first_of(words)), engine_->blocking(words, server_wait));
}

Task<std::vector<Reply>> Client::transaction(std::span<const Command> commands) {
  if (!telemetry::is_recorded()) return engine_->transaction(commands);
  return telemetry::traced(span_of("MULTI", commands.size()), engine_->transaction(commands));
}

Task<Session> Client::session(std::string_view key) {
  return engine_->session(key);
}

Task<Reply> Client::run(const Script& script, std::span<const std::string_view> keys,
                        std::span<const std::string_view> arguments) {
  const std::string count = std::to_string(keys.size());
  Words words = {"EVALSHA", script.hash(), count};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), arguments.begin(), arguments.end());
  Task<Reply> first = command(words);
  auto reply = co_await as_result(std::move(first));
  if (reply.ok() || reply.error().reason() != "REDIS_NOSCRIPT") co_return reply;
  words[0] = "EVAL";
  words[1] = script.text();
  Reply again = co_await command(words);
  co_return std::move(again);
}

Task<> Client::subscribe(std::vector<std::string> channels, std::vector<std::string> patterns,
                         Subscriber subscriber) {
  if (channels.empty() && patterns.empty()) co_await invalid("channels", "must not be empty");
  if (!subscriber.on_message) co_await invalid("on_message", "must not be empty");
  detail::Listening listening;
  listening.channels = std::move(channels);
  listening.patterns = std::move(patterns);
  listening.subscriber = std::move(subscriber);
  co_await engine_->subscribe(std::move(listening));
}

Task<std::optional<std::string>> Client::get(std::string_view key) {
  const std::array<std::string_view, 2> words = {"GET", key};
  Reply reply = co_await command(words);
  if (reply.kind() == Reply::Kind::text) co_return reply.take_bytes();
  co_return reply.as_optional_text();
}

Task<bool> Client::set(std::string_view key, std::string_view value, SetOptions options) {
  const std::string ttl = std::to_string(options.time_to_live.count());
  Words words = {"SET", key, value};
  if (options.time_to_live.count() != 0) words.insert(words.end(), {"PX", ttl});
  if (options.only == SetOptions::Only::if_missing) words.push_back("NX");
  if (options.only == SetOptions::Only::if_present) words.push_back("XX");
  const Reply reply = co_await command(words);
  co_return !reply.is_null();
}

Task<std::int64_t> Client::del(std::span<const std::string> keys) {
  if (keys.empty()) co_return 0;
  Words words = {"DEL"};
  append(words, keys);
  const Reply reply = co_await command(words);
  co_return reply.as_integer();
}

Task<bool> Client::exists(std::string_view key) {
  const std::array<std::string_view, 2> words = {"EXISTS", key};
  const Reply reply = co_await command(words);
  co_return reply.as_boolean();
}

Task<std::int64_t> Client::incr(std::string_view key, std::int64_t by) {
  const std::string step = std::to_string(by);
  const std::array<std::string_view, 3> words = {"INCRBY", key, step};
  const Reply reply = co_await command(words);
  co_return reply.as_integer();
}

Task<bool> Client::expire(std::string_view key, std::chrono::milliseconds time_to_live) {
  const std::string ttl = std::to_string(time_to_live.count());
  const std::array<std::string_view, 3> words = {"PEXPIRE", key, ttl};
  const Reply reply = co_await command(words);
  co_return reply.as_boolean();
}

Task<std::optional<std::chrono::milliseconds>> Client::time_to_live(std::string_view key) {
  const std::array<std::string_view, 2> words = {"PTTL", key};
  const Reply reply = co_await command(words);
  const std::int64_t left = co_await reply.as_integer();
  if (left == -2) co_return std::nullopt;
  if (left < 0) co_return std::chrono::milliseconds::max();
  co_return std::chrono::milliseconds(left);
}

Task<std::vector<std::optional<std::string>>> Client::mget(std::span<const std::string> keys) {
  if (keys.empty()) co_return std::vector<std::optional<std::string>>();
  Words words = {"MGET"};
  append(words, keys);
  const Reply reply = co_await command(words);
  co_return reply.as_optional_texts();
}

Task<std::optional<std::string>> Client::hget(std::string_view key, std::string_view field) {
  const std::array<std::string_view, 3> words = {"HGET", key, field};
  const Reply reply = co_await command(words);
  co_return reply.as_optional_text();
}

Task<std::int64_t> Client::hset(std::string_view key,
                                std::span<const std::pair<std::string, std::string>> fields) {
  if (fields.empty()) co_return 0;
  Words words = {"HSET", key};
  for (const auto& [field, value] : fields) words.insert(words.end(), {field, value});
  const Reply reply = co_await command(words);
  co_return reply.as_integer();
}

Task<std::int64_t> Client::hdel(std::string_view key, std::span<const std::string> fields) {
  if (fields.empty()) co_return 0;
  Words words = {"HDEL", key};
  append(words, fields);
  const Reply reply = co_await command(words);
  co_return reply.as_integer();
}

Task<std::vector<std::pair<std::string, std::string>>> Client::hgetall(std::string_view key) {
  const std::array<std::string_view, 2> words = {"HGETALL", key};
  const Reply reply = co_await command(words);
  co_return reply.as_pairs();
}

Task<std::int64_t> Client::publish(std::string_view channel, std::string_view message) {
  const std::array<std::string_view, 3> words = {"PUBLISH", channel, message};
  const Reply reply = co_await command(words);
  co_return reply.as_integer();
}

RedisStats Client::stats() const {
  return engine_->shared().counts.stats();
}

const std::string& Client::name() const {
  return engine_->shared().name;
}

Result<std::unique_ptr<Client>> open(RedisOptions options) {
  KIT_TRY(check(options));
  auto dsn = detail::parse_dsn(options.dsn.reveal());
  if (!dsn) return std::move(dsn).error();
  auto tls = make_tls(*dsn);
  if (!tls) return std::move(tls).error();
  auto shared =
      std::make_shared<detail::Shared>(std::move(*dsn), std::move(options), std::move(*tls));
  return std::make_unique<Client>(std::make_unique<detail::Engine>(std::move(shared)));
}

}  // namespace kit::redis
