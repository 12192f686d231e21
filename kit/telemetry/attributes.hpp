// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace kit::telemetry {

/// The name of an attribute and the type of its values. Names are literals: nothing is copied.
template <class T>
struct AttributeKey {
  template <std::size_t N>
  consteval explicit AttributeKey(const char (&literal)[N]) : name(literal, N - 1) {}
  std::string_view name;
};

using TextKey = AttributeKey<std::string_view>;
using NumberKey = AttributeKey<std::int64_t>;
using FlagKey = AttributeKey<bool>;

/// Names of OpenTelemetry's semantic conventions 1.44: those of HTTP and databases are stable.
namespace attribute {

inline constexpr TextKey client_address{"client.address"};
inline constexpr TextKey error_type{"error.type"};
inline constexpr TextKey server_address{"server.address"};
inline constexpr NumberKey server_port{"server.port"};
inline constexpr TextKey url_path{"url.path"};
inline constexpr TextKey url_scheme{"url.scheme"};
inline constexpr TextKey url_full{"url.full"};
inline constexpr TextKey user_agent{"user_agent.original"};
inline constexpr TextKey user_id{"user.id"};

inline constexpr TextKey http_method{"http.request.method"};
inline constexpr TextKey http_method_original{"http.request.method_original"};
inline constexpr NumberKey http_resend_count{"http.request.resend_count"};
inline constexpr TextKey http_route{"http.route"};
inline constexpr NumberKey http_status{"http.response.status_code"};
inline constexpr NumberKey http_response_size{"http.response.size"};

inline constexpr TextKey db_system{"db.system.name"};
inline constexpr TextKey db_namespace{"db.namespace"};
inline constexpr TextKey db_operation{"db.operation.name"};
inline constexpr TextKey db_collection{"db.collection.name"};
inline constexpr TextKey db_query_summary{"db.query.summary"};
inline constexpr TextKey db_query_text{"db.query.text"};
inline constexpr NumberKey db_batch_size{"db.operation.batch.size"};
inline constexpr TextKey db_response_status{"db.response.status_code"};

inline constexpr TextKey messaging_system{"messaging.system"};
inline constexpr TextKey messaging_operation{"messaging.operation.name"};
inline constexpr TextKey messaging_operation_type{"messaging.operation.type"};
inline constexpr TextKey messaging_destination{"messaging.destination.name"};
inline constexpr TextKey messaging_message_id{"messaging.message.id"};
inline constexpr NumberKey messaging_batch{"messaging.batch.message_count"};
inline constexpr TextKey messaging_group{"messaging.consumer.group.name"};

inline constexpr TextKey job_name{"kit.job.name"};
inline constexpr TextKey request_id{"kit.request.id"};

}  // namespace attribute

}  // namespace kit::telemetry
