// SPDX-License-Identifier: Apache-2.0
#include "kit/adapters/kafka/detail/producer.hpp"

#include <array>
#include <string>
#include <thread>
#include <utility>

#include "kit/adapters/kafka/detail/errors.hpp"
#include "kit/adapters/kafka/detail/message_form.hpp"
#include "kit/queue/limits.hpp"

namespace kit::kafka::detail {
namespace {

/// What the client keeps with a message.
struct Report {
  std::shared_ptr<Batch> batch;
  std::size_t bytes = 0;
};

constexpr int purge_all = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT;

}  // namespace

void Batch::end_one(rd_kafka_resp_err_t error) {
  auto none = RD_KAFKA_RESP_ERR_NO_ERROR;
  if (error != none) failure_.compare_exchange_strong(none, error, std::memory_order_acq_rel);
  const bool was_last = open_.fetch_sub(1, std::memory_order_acq_rel) == 1;
  if (was_last || error != RD_KAFKA_RESP_ERR_NO_ERROR) changed_.notify();
}

class Producer::Reports {
 public:
  Reports(rd_kafka_t* client, std::shared_ptr<Room> room)
      : client_(client),
        room_(std::move(room)),
        queue_(rd_kafka_queue_get_main(client)),
        thread_([this] { serve(); }) {}

  bool is_broken() const { return broken_.load(std::memory_order_acquire); }

  /// Every message is reported before the client ends, and with it what it keeps is freed. Blocks.
  void end() {
    rd_kafka_purge(client_, purge_all);
    constexpr int limit_ms = 10'000;
    rd_kafka_flush(client_, limit_ms);
    ending_.store(true, std::memory_order_release);
    rd_kafka_queue_yield(queue_.get());
    thread_.join();
    queue_.reset();
    rd_kafka_destroy(client_);
  }

 private:
  void serve() {
    constexpr int pause_ms = 500;
    while (!ending_.load(std::memory_order_acquire)) {
      rd_kafka_event_t* event = rd_kafka_queue_poll(queue_.get(), pause_ms);
      if (event == nullptr) continue;
      if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_DR) {
        while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event)) {
          end_message(*message);
        }
      } else if (rd_kafka_event_type(event) == RD_KAFKA_EVENT_ERROR) {
        note_error(event);
      }
      rd_kafka_event_destroy(event);
    }
  }
  void end_message(const rd_kafka_message_t& message) const;
  void note_error(rd_kafka_event_t* event);

  rd_kafka_t* const client_;
  const std::shared_ptr<Room> room_;
  EventQueue queue_;
  std::atomic<bool> broken_{false};
  std::atomic<bool> ending_{false};
  std::thread thread_;  // uses what is above
};

Producer::Producer(rd_kafka_t* client, std::shared_ptr<Room> room, std::shared_ptr<Reaper> reaper)
    : client_(client),
      reaper_(std::move(reaper)),
      reports_(std::make_unique<Reports>(client, std::move(room))) {}

Result<std::shared_ptr<Producer>> Producer::make(const KafkaOptions& options, const Dsn& dsn,
                                                 std::shared_ptr<Room> room,
                                                 std::shared_ptr<Reaper> reaper) {
  auto configuration = producer_configuration(options, dsn);
  if (!configuration) return std::move(configuration).error();
  rd_kafka_conf_set_events(configuration->get(), RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
  auto client = make_client(RD_KAFKA_PRODUCER, std::move(*configuration));
  if (!client) return std::move(client).error();
  return std::make_shared<Producer>(*client, std::move(room), std::move(reaper));
}

Producer::~Producer() {
  Function<void()> end = [reports = std::move(reports_)] { reports->end(); };
  reaper_->run(std::move(end));
}

bool Producer::is_broken() const {
  return reports_->is_broken();
}

rd_kafka_resp_err_t Producer::send(const queue::Message& message,
                                   const std::shared_ptr<Batch>& batch) {
  const std::lock_guard lock(mutex_);
  if (given_up_) return RD_KAFKA_RESP_ERR__PURGE_QUEUE;
  auto report = std::make_unique<Report>();
  report->batch = batch;
  report->bytes = queue::weight(message);
  batch->add();
  const rd_kafka_resp_err_t error = produce(client_, message, report.get());
  if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
    static_cast<void>(report.release());  // end_message has it
  } else {
    batch->end_one(error);
  }
  return error;
}

void Producer::give_up() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(given_up_, true)) return;
  rd_kafka_purge(client_, purge_all | RD_KAFKA_PURGE_F_NON_BLOCKING);
}

rd_kafka_resp_err_t Producer::ask(const std::string& topic) const {
  struct End {
    void operator()(rd_kafka_topic_t* known) const { rd_kafka_topic_destroy(known); }
  };
  const std::unique_ptr<rd_kafka_topic_t, End> known(
      rd_kafka_topic_new(client_, topic.c_str(), nullptr));
  if (known == nullptr) return rd_kafka_last_error();
  const struct rd_kafka_metadata* told = nullptr;
  constexpr int limit_ms = 1'000;
  rd_kafka_resp_err_t error = rd_kafka_metadata(client_, 0, known.get(), &told, limit_ms);
  if (error != RD_KAFKA_RESP_ERR_NO_ERROR) return error;
  if (told->topic_cnt == 1) error = told->topics[0].err;
  rd_kafka_metadata_destroy(told);
  return error;
}

void Producer::Reports::end_message(const rd_kafka_message_t& message) const {
  const std::unique_ptr<Report> report(static_cast<Report*>(message._private));
  if (message.err == RD_KAFKA_RESP_ERR_NO_ERROR) {
    room_->confirm(report->bytes);
  } else {
    room_->refuse(report->bytes);
  }
  report->batch->end_one(message.err);
}

void Producer::Reports::note_error(rd_kafka_event_t* event) {
  rd_kafka_resp_err_t error = rd_kafka_event_error(event);
  std::string text = rd_kafka_event_error_string(event);
  if (error == RD_KAFKA_RESP_ERR__FATAL) {
    std::array<char, 512> why{};
    error = rd_kafka_fatal_error(client_, why.data(), why.size());
    text = why.data();
    broken_.store(true, std::memory_order_release);
  }
  room_->note(make_error(error, text));
}

}  // namespace kit::kafka::detail
