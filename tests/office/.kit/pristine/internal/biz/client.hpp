// Started by kitgen from api/office.yaml; yours from here on.
#pragma once

#include "internal/biz/client.gen.hpp"
#include "kit/base/result.hpp"

namespace office::biz {

/// Only says that somebody was here.
kit::Result<> touch(Client& client);
/// Gives the client another name and address.
kit::Result<> reword(Client& client, ClientRewordInput input);

}  // namespace office::biz
