// Started by kitgen from api/office.yaml; yours from here on.
#pragma once

#include "internal/biz/client.gen.hpp"
#include "kit/base/result.hpp"

namespace office::biz {

/// Only says that somebody was here.
kit::Result<> touch(Client& client);

}  // namespace office::biz
