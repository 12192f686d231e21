// SPDX-License-Identifier: Apache-2.0
#include "kit/jobs/job.hpp"

#include <utility>

#include "kit/base/assert.hpp"

namespace kit::jobs {

Job make_job(JobOptions options, Function<Task<>(const Run&) const> work) {
  auto cron = Cron::parse(options.schedule);
  KIT_ASSERT(cron.ok(), "no schedule");
  return Job{std::move(options), *cron, std::move(work)};
}

}  // namespace kit::jobs
