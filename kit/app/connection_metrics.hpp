// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "kit/http/connection_table.hpp"
#include "kit/net/tls.hpp"
#include "kit/telemetry/registry.hpp"

namespace kit::app {

/// Declares what is known of connections: how many there are, which limits they reached, who was
/// turned away, how handshakes ended. `tls` may be null.
void add_connection_metrics(telemetry::Registry& registry,
                            const std::shared_ptr<http::ConnectionTable>& connections,
                            const std::shared_ptr<net::TlsStore>& tls);

}  // namespace kit::app
