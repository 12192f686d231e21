// SPDX-License-Identifier: Apache-2.0
#include "kit/app/queues.hpp"

#include <gtest/gtest.h>

#include "kit/app/settings.hpp"

namespace kit::app {
namespace {

std::string opened(std::string url) {
  QueueSettings settings;
  settings.url = Secret<std::string>(std::move(url));
  const auto queue = open_queue(settings);
  if (queue.ok()) return queue->queue != nullptr ? "opened" : "nothing";
  EXPECT_EQ(queue.error().describe().find("secret"), std::string::npos);
  return queue.error().reason();
}

TEST(QueuesTest, EachScheme) {
  EXPECT_EQ(opened("memory:"), "opened");
  EXPECT_EQ(opened("redis://127.0.0.1:1/0"), "opened");
  EXPECT_EQ(opened("redis+cluster://127.0.0.1:1,127.0.0.1:2"), "opened");
#ifdef KIT_HAS_KAFKA
  EXPECT_EQ(opened("kafka://127.0.0.1:1/"), "opened");
  EXPECT_EQ(opened("kafka://u:secret@b/?ssl.ca.location=x"), "DSN_INVALID");
#else
  EXPECT_EQ(opened("kafka://127.0.0.1:1/"), "QUEUE_NOT_BUILT");
#endif
  EXPECT_EQ(opened("redis://u:secret@b:x"), "DSN_INVALID");
  for (const char* bad : {"", "memory", "memory://x", "amqp://secret@host", ":", "//"}) {
    EXPECT_EQ(opened(bad), "DSN_INVALID") << bad;
  }
}

TEST(QueuesTest, TheSettingsHaveTheirNames) {
  CommandLine line;
  line.settings = {{"queue.url", "redis://u:hunter2@host/"},
                   {"queue.partitions", "4"},
                   {"queue.redeliver_after", "2s"}};
  const auto loaded = load_settings(line, "store", {});
  ASSERT_TRUE(loaded.ok()) << loaded.error().describe();
  EXPECT_EQ(loaded->settings.queue.url.reveal(), "redis://u:hunter2@host/");
  EXPECT_EQ(loaded->settings.queue.partitions, 4);
  EXPECT_EQ(loaded->settings.queue.redeliver_after, std::chrono::milliseconds(2'000));
  EXPECT_EQ(loaded->dump.find("hunter2"), std::string::npos);
  line.settings = {{"queue.partitions", "257"}};
  EXPECT_FALSE(load_settings(line, "store", {}).ok());
  line.settings = {{"queue.partitions", "256"}};
  EXPECT_TRUE(load_settings(line, "store", {}).ok());
}

TEST(QueuesTest, AWrongUrlIsRefusedBeforeAnythingStarts) {
  for (const char* setting : {"queue.url", "cache.url"}) {
    CommandLine line;
    for (const char* bad : {"nonsense", "redis:secret", "redisx://u:secret@host", "memory", " "}) {
      line.settings = {{setting, bad}};
      const auto loaded = load_settings(line, "store", {});
      ASSERT_FALSE(loaded.ok()) << bad;
      EXPECT_NE(loaded.error().message().find(std::string(setting) + " must be "),
                std::string::npos);
      EXPECT_EQ(loaded.error().describe().find("secret"), std::string::npos);
    }
    for (const char* good : {"redis+sentinel://host/name/0", "redis+unix:///path", "rediss://h"}) {
      line.settings = {{setting, good}};
      EXPECT_TRUE(load_settings(line, "store", {}).ok()) << good;
    }
  }
}

}  // namespace
}  // namespace kit::app
