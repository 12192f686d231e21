// SPDX-License-Identifier: Apache-2.0
// Brokers of Kafka for the length of a test: the client library's own. Prints where they are, then
// what they get as one line of JSON for each message, read without kit's adapter. "down", "up" and
// "delay MS" come on standard input, and "ok" answers each; the end of it ends the program.
//
//     kafka_cluster PARTITIONS TOPIC...
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "kit/adapters/kafka/test_cluster.hpp"
#include "kit/json/writer.hpp"

namespace kit::tests {
namespace {

constexpr int poll_ms = 20;

std::string_view text(const void* bytes, std::size_t size) {
  return {static_cast<const char*>(bytes), size};
}

void print_line(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "kafka_cluster: %s\n", why.c_str());
  std::exit(1);
}

/// Reads all partitions of the topics, from their beginning.
class Reader {
 public:
  Reader(const std::string& brokers, const std::vector<std::string>& topics, int partitions) {
    rd_kafka_conf_t* const settings = rd_kafka_conf_new();
    for (const auto& [name, value] :
         std::vector<std::pair<std::string, std::string>>{{"bootstrap.servers", brokers},
                                                          {"group.id", "the test"},
                                                          {"log_level", "0"},
                                                          {"enable.auto.commit", "false"},
                                                          {"auto.offset.reset", "earliest"},
                                                          {"reconnect.backoff.max.ms", "500"}}) {
      if (rd_kafka_conf_set(settings, name.c_str(), value.c_str(), nullptr, 0) != RD_KAFKA_CONF_OK)
        fail(name);
    }
    client_ = rd_kafka_new(RD_KAFKA_CONSUMER, settings, nullptr, 0);
    if (client_ == nullptr) fail("no consumer");
    rd_kafka_poll_set_consumer(client_);
    rd_kafka_topic_partition_list_t* const all = rd_kafka_topic_partition_list_new(8);
    for (const std::string& topic : topics) {
      for (int i = 0; i < partitions; ++i) {
        rd_kafka_topic_partition_list_add(all, topic.c_str(), i)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
      }
    }
    if (rd_kafka_assign(client_, all) != RD_KAFKA_RESP_ERR_NO_ERROR) fail("no partitions");
    rd_kafka_topic_partition_list_destroy(all);
  }
  ~Reader() {
    rd_kafka_consumer_close(client_);
    rd_kafka_destroy(client_);
  }
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;

  /// Errors are of brokers that are down, as the test wants it.
  void print_next() {
    rd_kafka_message_t* const message = rd_kafka_consumer_poll(client_, poll_ms);
    if (message == nullptr) return;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) print(*message);
    rd_kafka_message_destroy(message);
  }

 private:
  static void print(const rd_kafka_message_t& message) {
    std::string line;
    json::Writer out(line);
    out.begin_object();
    out.member("topic", rd_kafka_topic_name(message.rkt));
    out.member("partition", message.partition);
    out.member("key", text(message.key, message.key_len));
    out.member("payload", text(message.payload, message.len));
    rd_kafka_headers_t* headers = nullptr;
    rd_kafka_message_headers(&message, &headers);
    const char* name = nullptr;
    const void* value = nullptr;
    std::size_t size = 0;
    for (std::size_t i = 0;
         headers != nullptr && rd_kafka_header_get_all(headers, i, &name, &value, &size) == 0;
         ++i) {
      out.key(name);
      out.string(text(value, size));
    }
    out.end_object();
    print_line(line);
  }

  rd_kafka_t* client_ = nullptr;
};

void obey(kafka::TestCluster& cluster, std::string_view line) {
  constexpr std::string_view delay = "delay ";
  if (line == "down" || line == "up") {
    cluster.set_up(line == "up");
  } else if (line.starts_with(delay)) {
    int number = 0;
    const std::string_view digits = line.substr(delay.size());
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (read.ec != std::errc()) fail("delay takes milliseconds");
    cluster.delay(std::chrono::milliseconds(number));
  } else {
    fail("takes down, up and delay MS, not " + std::string(line));
  }
  print_line("ok");
}

/// Does what the lines that have come say. False at the end of them.
bool obey_all(kafka::TestCluster& cluster, std::string& unread) {
  pollfd input{STDIN_FILENO, POLLIN, 0};
  if (poll(&input, 1, 0) <= 0) return true;
  char bytes[256];
  const ssize_t size = read(STDIN_FILENO, bytes, sizeof bytes);
  if (size <= 0) return false;
  unread.append(bytes, static_cast<std::size_t>(size));
  for (std::size_t end = unread.find('\n'); end != unread.npos; end = unread.find('\n')) {
    obey(cluster, std::string_view(unread).substr(0, end));
    unread.erase(0, end + 1);
  }
  return true;
}

}  // namespace
}  // namespace kit::tests

int main(int argc, char** argv) {
  using namespace kit::tests;
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) fail("takes the number of partitions, and topics");
  const int partitions = std::atoi(words.front().c_str());
  const std::vector<std::string> topics(words.begin() + 1, words.end());
  kit::kafka::TestCluster cluster;
  for (const std::string& topic : topics) cluster.create(topic, partitions);
  const std::string url = cluster.options().dsn.reveal();
  print_line(url);
  Reader reader(url.substr(std::string_view("kafka://").size()), topics, partitions);
  std::string unread;
  while (obey_all(cluster, unread)) reader.print_next();
  return 0;
}
