// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/configuration.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/log/log.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {
namespace {

log::Module kafka_log{"kafka"};

void write_log(const rd_kafka_t*, int level, const char* facility, const char* message) {
  // Syslog's levels. What it calls errors are brokers that come and go: that is known to `health`.
  if (level <= 2) {
    log::error(kafka_log, message, {{"facility", facility}});
  } else if (level <= 4) {
    log::warn(kafka_log, message, {{"facility", facility}});
  } else {
    log::debug(kafka_log, message, {{"facility", facility}});
  }
}

/// Sets one option after the other, and keeps the first refusal.
class Settings {
 public:
  Settings() : configuration_(rd_kafka_conf_new()) {}

  void set(const char* name, const std::string& value) {
    std::array<char, 256> why{};
    if (rd_kafka_conf_set(configuration_.get(), name, value.c_str(), why.data(), why.size()) ==
        RD_KAFKA_CONF_OK) {
      return;
    }
    // The client's text would show the value, which may be a secret.
    if (refused_.empty()) refused_ = name;
  }
  void set(const char* name, long long value) { set(name, std::to_string(value)); }
  void set_file(const char* name, const std::string& path) {
    if (!path.empty()) set(name, path);
  }

  Result<Configuration> take() {
    if (refused_.empty()) return std::move(configuration_);
    return Error(Code::invalid_argument, "the Kafka client refuses the value of " + refused_)
        .with_reason("QUEUE_OPTIONS_INVALID");
  }
  rd_kafka_conf_t* get() { return configuration_.get(); }

 private:
  Configuration configuration_;
  std::string refused_;
};

void set_common(Settings& settings, const KafkaOptions& options, const Dsn& dsn) {
  settings.set("bootstrap.servers", dsn.brokers);
  settings.set("client.id", dsn.client_id);
  const bool sasl = !dsn.sasl.empty();
  settings.set("security.protocol",
               std::string(sasl ? "sasl_" : "") + (dsn.tls ? "ssl" : "plaintext"));
  if (sasl) {
    settings.set("sasl.mechanism", dsn.sasl);
    settings.set("sasl.username", dsn.user);
    settings.set("sasl.password", dsn.password.reveal());
  }
  if (dsn.tls) {
    settings.set("enable.ssl.certificate.verification", "true");
    settings.set("ssl.endpoint.identification.algorithm", "https");
    settings.set_file("ssl.ca.location", options.ca_file);
    settings.set_file("ssl.certificate.location", options.certificate_file);
    settings.set_file("ssl.key.location", options.key_file);
    settings.set_file("ssl.key.password", options.key_password.reveal());
  }
  // A broker that is back is used again soon; one that does not answer is given up soon.
  settings.set("reconnect.backoff.ms", 50);
  settings.set("reconnect.backoff.max.ms", 1'000);
  settings.set("socket.connection.setup.timeout.ms", 5'000);
  settings.set("socket.timeout.ms", 10'000);
  settings.set("socket.keepalive.enable", "true");
  settings.set("topic.metadata.refresh.interval.ms", 30'000);
  settings.set("log.connection.close", "false");
  rd_kafka_conf_set_log_cb(settings.get(), write_log);
}

}  // namespace

Result<Configuration> producer_configuration(const KafkaOptions& options, const Dsn& dsn) {
  Settings settings;
  set_common(settings, options, dsn);
  settings.set("enable.idempotence", "true");  // which brings acks=all and order under retries
  settings.set("acks", "all");
  // A message alone never times out, for those behind it would then come before it: either all are
  // given up (Producer::give_up) or none.
  settings.set("message.timeout.ms", 0);
  settings.set("topic.metadata.propagation.max.ms", 10'000);
  settings.set("request.timeout.ms", 10'000);
  settings.set("retry.backoff.ms", 50);
  settings.set("linger.ms", options.linger.count());
  settings.set("partitioner", "murmur2_random");  // as the Java clients do
  const std::size_t overhead =
      queue::key_limit +
      queue::most_headers * (queue::header_name_limit + queue::header_value_limit + 16) + 4'096;
  settings.set("message.max.bytes", static_cast<long long>(queue::payload_limit + overhead));
  // The bounds are ours (Room); the client's are only above them, and well: it counts a message
  // until after it has told of its delivery, when its place here has been taken again already.
  constexpr std::size_t most_messages = 10'000'000;
  const std::size_t messages =
      std::min(2 * std::min(options.most_pending, most_messages) + 1'000, most_messages);
  settings.set("queue.buffering.max.messages", static_cast<long long>(messages));
  const std::size_t kilobytes = 2 * (options.most_pending_bytes / 1'024) + 4 * 1'024;
  settings.set("queue.buffering.max.kbytes",
               static_cast<long long>(std::min<std::size_t>(kilobytes, 2'147'483'647)));
  return settings.take();
}

Result<Configuration> consumer_configuration(const KafkaOptions& options, const Dsn& dsn,
                                             const std::string& group) {
  Settings settings;
  set_common(settings, options, dsn);
  settings.set("group.id", group);
  settings.set("enable.auto.commit", "false");
  settings.set("enable.auto.offset.store", "false");
  settings.set("auto.offset.reset", "earliest");
  settings.set("isolation.level", "read_committed");
  settings.set("partition.assignment.strategy", "cooperative-sticky");
  settings.set("session.timeout.ms", options.session_timeout.count());
  settings.set("heartbeat.interval.ms",
               std::clamp<long long>(options.session_timeout.count() / 10, 1, 3'000));
  settings.set("max.poll.interval.ms",
               std::max<long long>(300'000, options.session_timeout.count()));
  settings.set("fetch.wait.max.ms", 500);
  settings.set("fetch.error.backoff.ms", 100);
  settings.set("queued.min.messages", 1'000);
  settings.set("queued.max.messages.kbytes", 16 * 1'024);
  settings.set("fetch.max.bytes", 16 * 1'024 * 1'024);
  settings.set("receive.message.max.bytes", 32 * 1'024 * 1'024);
  return settings.take();
}

Result<rd_kafka_t*> make_client(rd_kafka_type_t type, Configuration configuration) {
  std::array<char, 512> why{};
  rd_kafka_t* client = rd_kafka_new(type, configuration.get(), why.data(), why.size());
  if (client == nullptr) {
    const rd_kafka_resp_err_t code = rd_kafka_last_error();
    if (code == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE) {
      return Error(Code::resource_exhausted, "no threads for the Kafka client")
          .with_reason("KAFKA_CRIT_SYS_RESOURCE");
    }
    return Error(Code::invalid_argument,
                 "the Kafka client can't be opened: " + std::string(why.data()))
        .with_reason("QUEUE_OPTIONS_INVALID");
  }
  static_cast<void>(configuration.release());  // it is the client's now
  return client;
}

}  // namespace kit::kafka::detail
