// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <librdkafka/rdkafka.h>

#include <string>
#include <string_view>

#include "kit/base/error.hpp"

namespace kit::kafka::detail {

Code code_of(rd_kafka_resp_err_t error);
/// What the client says as an error of ours, with a reason KAFKA_...; `doing` begins the message.
Error make_error(rd_kafka_resp_err_t error, std::string_view doing);

Error closed_error();
Error lost_error();

}  // namespace kit::kafka::detail
