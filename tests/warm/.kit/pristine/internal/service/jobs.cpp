// Started by kitgen from api/warm.yaml; yours from here on.
#include "internal/service/jobs.gen.hpp"
#include "kit/base/error.hpp"

namespace warm::service::jobs {

kit::Task<> count_shelves(const kit::jobs::Run&, biz::RepositoryStore&) {
  co_await kit::Error(kit::Code::unimplemented, "the job count_shelves is not written yet");
}

kit::Task<> tidy_up(const kit::jobs::Run&, biz::RepositoryStore&) {
  co_await kit::Error(kit::Code::unimplemented, "the job tidy_up is not written yet");
}

}  // namespace warm::service::jobs
