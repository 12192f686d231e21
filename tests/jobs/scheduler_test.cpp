// SPDX-License-Identifier: Apache-2.0
#include "kit/jobs/scheduler.hpp"

#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "kit/adapters/sqlite/test_database.hpp"
#include "kit/async/operation.hpp"
#include "kit/async/task_group.hpp"
#include "kit/db/joint_work.hpp"
#include "kit/telemetry/registry.hpp"
#include "kit/telemetry/tracer.hpp"
#include "kitgen/evolve/catalogue.hpp"

namespace kit::jobs {
namespace {

using namespace std::chrono_literals;

Timestamp at(std::string_view text) {
  return Timestamp::parse("2024-01-01T" + std::string(text) + ":00Z").value();
}

/// A database with the table of jobs and one of effects, and a clock that the test sets.
class SchedulerTest : public ::testing::Test {
 protected:
  SchedulerTest() {
    for (const auto& table : kitgen::evolve::system_tables()) {
      if (table.name != "kit_jobs") continue;
      EXPECT_TRUE(database_.execute(table.sqlite).ok());
    }
    EXPECT_TRUE(database_.execute("CREATE TABLE effects (fire_at TEXT NOT NULL)").ok());
  }

  Task<> note(jobs::Run run) {
    const std::unique_ptr<db::Transaction> work = co_await joining_.begin();
    const std::string text = run.fire_time.to_string().substr(11, 5);
    const std::array<db::Parameter, 1> row = {std::string_view(text)};
    co_await work->execute("INSERT INTO effects VALUES (?1)", row);
    co_await work->commit();
    if (after_) co_await after_();
  }
  Job job(Missed missed = Missed::once, std::string schedule = "0 * * * *") {
    JobOptions options{.name = "hourly", .schedule = std::move(schedule)};
    options.missed = missed;
    options.atomic = atomic_;
    options.timeout = timeout_;
    return make_job(std::move(options), [this](const jobs::Run& run) { return note(run); });
  }
  SchedulerOptions options(std::string owner = "a") {
    SchedulerOptions options;
    options.poll = 2ms;
    options.lease = lease_;
    options.owner = std::move(owner);
    options.now = [this] { return now_; };
    return options;
  }

  /// Runs `steps` beside a scheduler with this job.
  void with(Job one, const std::function<Task<>()>& steps, std::string owner = "a") {
    std::vector<Job> jobs;
    jobs.push_back(std::move(one));
    Scheduler scheduler(*database_, registry_, jobs, options(std::move(owner)));
    const Result<> done = database_.run(beside(scheduler.run(), steps));
    EXPECT_TRUE(done.ok()) << done.error().describe();
  }
  static Task<> beside(Task<> running, const std::function<Task<>()>& steps) {
    TaskGroup group("scheduler");
    group.spawn(std::move(running));
    co_await steps();
    group.cancel();
    Task<> joining = group.join();
    (void)co_await as_result(std::move(joining));
  }
  /// Until a statement gives this, for at most ten seconds.
  Task<> until(std::string sql, std::string wanted) {
    std::string found;
    for (int i = 0; i < 5'000; ++i) {
      found.clear();
      auto read = [&found](const db::Row& row) -> Result<> {
        found += (found.empty() ? "" : ",") + std::string(row.text(0));
        return {};
      };
      db::RowSink sink(read);
      co_await database_->query(sql, {}, sink);
      if (found == wanted) co_return;
      co_await sleep_for(2ms);
    }
    co_await Error(Code::deadline_exceeded, sql + " gives " + found + ", not " + wanted);
  }
  Task<> until_counted(std::string outcome) {
    const std::string line = "jobs_runs_total{job=\"hourly\",outcome=\"" + outcome + "\"} 1";
    for (int i = 0; i < 5'000; ++i) {
      std::string text;
      registry_.write_text(text);
      if (text.find(line) != std::string::npos) co_return;
      co_await sleep_for(2ms);
    }
    co_await Error(Code::deadline_exceeded, "no " + line);
  }
  Task<> until_effects(std::string wanted) { return until(effects_sql, std::move(wanted)); }
  std::string effects() { return database_.text(effects_sql); }
  std::string row(const std::string& columns) {
    return database_.text("SELECT concat_columns FROM (SELECT " + columns +
                          " AS concat_columns FROM kit_jobs)");
  }

  static constexpr const char* effects_sql = "SELECT fire_at FROM effects ORDER BY rowid";
  static constexpr const char* idle_sql = "SELECT state FROM kit_jobs";
  sqlite::TestDatabase database_;
  db::JoiningDatabase joining_{*database_};
  telemetry::Registry registry_;
  Timestamp now_ = at("12:30");
  bool atomic_ = true;
  std::chrono::milliseconds lease_{100};
  std::chrono::milliseconds timeout_{10'000};
  std::function<Task<>()> after_;
};

TEST_F(SchedulerTest, RunsAtEachFireTime) {
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("12:59");
    co_await sleep_for(20ms);
    now_ = at("13:00");
    co_await until_effects("13:00");
    now_ = at("14:01");
    co_await until_effects("13:00,14:00");
  });
  EXPECT_EQ(row("runs || ' ' || failures || ' ' || skipped || ' ' || state"), "2 0 0 idle");
}

TEST_F(SchedulerTest, AJobThatIsNewHasMissedNothing) {
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    co_await sleep_for(20ms);
  });
  EXPECT_EQ(effects(), "");
}

TEST_F(SchedulerTest, AClockThatJumpsFiresNothingTwice) {
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until_effects("13:00");
    now_ = at("12:00");  // an hour back
    co_await sleep_for(20ms);
    now_ = at("13:00");
    co_await sleep_for(20ms);
    now_ = at("13:59");
    co_await sleep_for(20ms);
    now_ = at("14:59");  // an hour on: what is between is not lost
    co_await until_effects("13:00,14:00");
    now_ = at("14:00");
    co_await sleep_for(20ms);
  });
  EXPECT_EQ(effects(), "13:00,14:00");
}

TEST_F(SchedulerTest, AClockThatWasFarAheadDoesNotStopAJobForGood) {
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = Timestamp::parse("2034-01-01T00:00:00Z").value();
    co_await until_effects("00:00");
    co_await until(idle_sql, "idle");
    now_ = at("13:30");
    co_await until("SELECT fire_at FROM kit_jobs", std::to_string(now_.since_epoch.count()));
    now_ = at("14:00");
    co_await until_effects("00:00,14:00");
  });
}

TEST_F(SchedulerTest, WhatWasMissedIsRunOnceSkippedOrRunForEach) {
  const auto miss = [this](Missed missed, std::string wanted) {
    EXPECT_TRUE(database_.execute("DELETE FROM kit_jobs").ok());
    EXPECT_TRUE(database_.execute("DELETE FROM effects").ok());
    now_ = at("12:30");
    with(job(missed), [this]() -> Task<> { co_await until("SELECT count(*) FROM kit_jobs", "1"); });
    now_ = at("15:30");  // nobody was there
    with(job(missed), [&]() -> Task<> {
      co_await until("SELECT fire_at FROM kit_jobs",
                     std::to_string(at("15:00").since_epoch.count()));
      co_await until_effects(wanted);
    });
  };
  miss(Missed::once, "15:00");
  EXPECT_EQ(row("runs || ' ' || skipped"), "1 2");
  miss(Missed::skip, "");
  EXPECT_EQ(row("runs || ' ' || skipped"), "0 3");
  miss(Missed::all, "13:00,14:00,15:00");
  EXPECT_EQ(row("runs || ' ' || skipped"), "3 0");
}

TEST_F(SchedulerTest, ANewScheduleCountsFromNow) {
  with(job(), [this]() -> Task<> { co_await until("SELECT count(*) FROM kit_jobs", "1"); });
  now_ = at("15:30");
  with(job(Missed::once, "15 * * * *"), [this]() -> Task<> {
    co_await until("SELECT schedule FROM kit_jobs", "15 * * * *");
    co_await sleep_for(20ms);
    EXPECT_EQ(now_, at("15:30"));
    now_ = at("16:15");
    co_await until_effects("16:15");
  });
}

TEST_F(SchedulerTest, TwoInstancesRunAJobOnce) {
  std::vector<Job> jobs;
  jobs.push_back(job());
  Scheduler a(*database_, registry_, jobs, options("a"));
  Scheduler b(*database_, registry_, jobs, options("b"));
  std::string wanted;
  const std::function<Task<>()> steps = [&]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    for (int hour = 13; hour < 24; ++hour) {
      const std::string time = std::to_string(hour) + ":00";
      wanted += (wanted.empty() ? "" : ",") + time;
      now_ = at(time);
      co_await until_effects(wanted);
    }
  };
  const std::function<Task<>()> inner = [&]() -> Task<> { return beside(b.run(), steps); };
  EXPECT_TRUE(database_.run(beside(a.run(), inner)).ok());
  EXPECT_EQ(effects(), wanted);
}

TEST_F(SchedulerTest, AFailureIsRecordedAndUndone) {
  after_ = []() -> Task<> { co_await Error(Code::internal, "the printer is out of paper"); };
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until("SELECT failures FROM kit_jobs", "1");
    co_await sleep_for(20ms);  // it is not tried again
  });
  EXPECT_EQ(effects(), "");
  EXPECT_EQ(row("runs || ' ' || failures || ' ' || state"), "1 1 idle");
  EXPECT_NE(row("last_error").find("the printer is out of paper"), std::string::npos);
}

TEST_F(SchedulerTest, ARunThatTakesTooLongIsEnded) {
  timeout_ = 20ms;
  after_ = []() -> Task<> { co_await sleep_for(60s); };
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until("SELECT failures FROM kit_jobs", "1");
  });
  EXPECT_EQ(effects(), "");
  EXPECT_NE(row("last_error").find("DEADLINE_EXCEEDED"), std::string::npos);
}

TEST_F(SchedulerTest, WhoStopsGivesBackWhatItRuns) {
  lease_ = 60s;
  after_ = []() -> Task<> { co_await sleep_for(60s); };
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until(idle_sql, "running");
  });
  EXPECT_EQ(row("state || ' ' || owner"), "interrupted a");
  after_ = nullptr;
  with(job(), [this]() -> Task<> { co_await until_effects("13:00"); }, "b");
  EXPECT_EQ(row("state || ' ' || owner || ' ' || token || ' ' || runs"), "idle b 2 1");
}

TEST_F(SchedulerTest, ARunWhoseInstanceDiedIsBegunAgainAfterItsLease) {
  atomic_ = false;
  with(job(), [this]() -> Task<> { co_await until("SELECT count(*) FROM kit_jobs", "1"); });
  EXPECT_TRUE(database_
                  .execute("UPDATE kit_jobs SET state = 'running', token = 7, beat = 3, owner = "
                           "'gone', fire_at = " +
                           std::to_string(at("12:00").since_epoch.count()))
                  .ok());
  const auto begun = Clock::now();
  with(job(), [this]() -> Task<> { co_await until_effects("12:00"); });
  EXPECT_GE(Clock::now() - begun, lease_);
  EXPECT_EQ(row("token || ' ' || owner"), "8 a");
}

TEST_F(SchedulerTest, ARunThatWasTakenOverKeepsNothing) {
  after_ = [this]() -> Task<> {
    // What another instance does that heard nothing for too long; it is the joint transaction that
    // must notice.
    const std::unique_ptr<db::Transaction> theft = co_await joining_.begin();
    co_await theft->execute("UPDATE kit_jobs SET token = token + 1", {});
    co_await theft->commit();
  };
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until_counted("lost");
    after_ = nullptr;
    co_await until_effects("13:00");  // begun again after the lease, by itself
  });
}

TEST_F(SchedulerTest, OneThatKeepsSayingThatItLivesIsLeftAlone) {
  atomic_ = false;
  lease_ = 40ms;
  after_ = []() -> Task<> { co_await sleep_for(400ms); };
  std::vector<Job> jobs;
  jobs.push_back(job());
  Scheduler a(*database_, registry_, jobs, options("a"));
  Scheduler b(*database_, registry_, jobs, options("b"));
  const std::function<Task<>()> steps = [&]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until("SELECT runs FROM kit_jobs", "1");
  };
  const std::function<Task<>()> inner = [&]() -> Task<> { return beside(b.run(), steps); };
  EXPECT_TRUE(database_.run(beside(a.run(), inner)).ok());
  EXPECT_EQ(effects(), "13:00");
  EXPECT_EQ(row("token"), "1");
}

TEST_F(SchedulerTest, ADatabaseThatIsAwayIsWaitedFor) {
  EXPECT_TRUE(database_.execute("ALTER TABLE kit_jobs RENAME TO elsewhere").ok());
  with(job(), [this]() -> Task<> {
    co_await sleep_for(20ms);
    co_await database_->execute("ALTER TABLE elsewhere RENAME TO kit_jobs", {});
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    co_await database_->execute("ALTER TABLE kit_jobs RENAME TO elsewhere", {});
    now_ = at("13:00");
    co_await sleep_for(20ms);
    co_await database_->execute("ALTER TABLE elsewhere RENAME TO kit_jobs", {});
    co_await until_effects("13:00");
  });
}

TEST_F(SchedulerTest, ARowThatIsDeletedComesBack) {
  with(job(), [this]() -> Task<> {
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    co_await database_->execute("DELETE FROM kit_jobs", {});
    co_await until("SELECT count(*) FROM kit_jobs", "1");
    now_ = at("13:00");
    co_await until_effects("13:00");
  });
}

TEST_F(SchedulerTest, OneIsRunWhenItIsAskedFor) {
  std::vector<Job> jobs;
  jobs.push_back(job());
  Scheduler scheduler(*database_, registry_, jobs, options());
  EXPECT_TRUE(database_.run(scheduler.run_now("hourly")).ok());
  EXPECT_EQ(effects(), "12:30");
  EXPECT_EQ(database_.run(scheduler.run_now("daily")).error().code(), Code::not_found);
  after_ = []() -> Task<> { co_await Error(Code::internal, "no paper"); };
  EXPECT_EQ(database_.run(scheduler.run_now("hourly")).error().message(), "no paper");
  EXPECT_TRUE(database_.execute("UPDATE kit_jobs SET state = 'running'").ok());
  EXPECT_EQ(database_.run(scheduler.run_now("hourly")).error().reason(), "JOB_RUNNING");
  EXPECT_EQ(row("runs || ' ' || failures || ' ' || skipped"), "2 1 0");
}

TEST_F(SchedulerTest, ARunIsATrace) {
  telemetry::TracerOptions tracing;
  tracing.sampling.ratio = 1;
  const auto tracer = *telemetry::Tracer::make(std::move(tracing));
  std::vector<Job> jobs;
  jobs.push_back(job());
  SchedulerOptions traced = options();
  traced.tracer = tracer.get();
  Scheduler scheduler(*database_, registry_, jobs, std::move(traced));
  EXPECT_TRUE(database_.run(scheduler.run_now("hourly")).ok());
  after_ = []() -> Task<> { co_await Error(Code::internal, "no paper").with_reason("NO_PAPER"); };
  EXPECT_FALSE(database_.run(scheduler.run_now("hourly")).ok());
  tracer->processor().collect();
  const auto rows = tracer->processor().table().rows();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].name, "job hourly");
  const auto& failed = rows[0].buckets[telemetry::TraceTable::failed_bucket];
  ASSERT_EQ(failed.count, 1U);
  const auto kept = tracer->processor().table().find(telemetry::view(failed.examples[0].trace_id));
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->spans.front().value_of("error.type"), "NO_PAPER");
}

TEST(Due, SaysWhatIsToBeDone) {
  const auto with = [](Missed missed, std::string_view last, std::string_view now) -> std::string {
    JobOptions options{.name = "hourly", .schedule = "0 * * * *"};
    options.missed = missed;
    const Job job = make_job(std::move(options), nullptr);
    const std::optional<Due> found = due(job, at(last), at(now), 1min);
    if (!found) return "nothing";
    return found->fire_at.to_string().substr(11, 5) + (found->runs ? " runs " : " skips ") +
           std::to_string(found->skipped);
  };
  for (const Missed missed : {Missed::once, Missed::skip, Missed::all}) {
    EXPECT_EQ(with(missed, "12:00", "12:59"), "nothing");
    EXPECT_EQ(with(missed, "12:00", "13:00"), "13:00 runs 0");
    EXPECT_EQ(with(missed, "12:00", "13:01"), "13:00 runs 0");  // the grace
  }
  EXPECT_EQ(with(Missed::once, "12:00", "13:02"), "13:00 runs 0");
  EXPECT_EQ(with(Missed::skip, "12:00", "13:02"), "13:00 skips 1");
  EXPECT_EQ(with(Missed::once, "12:00", "15:30"), "15:00 runs 2");
  EXPECT_EQ(with(Missed::skip, "12:00", "15:30"), "15:00 skips 3");
  EXPECT_EQ(with(Missed::skip, "12:00", "15:00"), "15:00 runs 2");
  EXPECT_EQ(with(Missed::all, "12:00", "15:30"), "13:00 runs 0");
}

}  // namespace
}  // namespace kit::jobs
