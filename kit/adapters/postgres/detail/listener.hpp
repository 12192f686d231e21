// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "kit/adapters/postgres/detail/server.hpp"
#include "kit/adapters/postgres/postgres.hpp"

namespace kit::postgres::detail {

/// Hears `channel`, whose name is good, on the loop that runs on this thread.
std::unique_ptr<Listener> make_listener(std::shared_ptr<Server> server, std::string_view channel,
                                        Function<void(std::string_view)> received,
                                        Function<void()> missed);

}  // namespace kit::postgres::detail
