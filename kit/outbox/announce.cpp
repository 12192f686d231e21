// SPDX-License-Identifier: Apache-2.0
#include "kit/db/joint_work.hpp"
#include "kit/outbox/detail/bell.hpp"
#include "kit/outbox/event.hpp"

namespace kit::outbox {

void announce() {
  db::JointWork* const work = db::JointWork::current();
  if (work == nullptr) return detail::ring_all();
  work->after_commit([] { detail::ring_all(); });
}

}  // namespace kit::outbox
