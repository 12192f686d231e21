// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "kit/adapters/otlp/exporter.hpp"
#include "kit/base/percent.hpp"
#include "kit/base/text.hpp"
#include "kit/http/client/url.hpp"

namespace kit::otlp {
namespace {

/// The value of a variable; empty when it is not set, which is the same.
std::string_view value_of(std::span<const std::string> variables, std::string_view name) {
  for (const std::string_view variable : variables) {
    if (variable.size() > name.size() && variable.starts_with(name) &&
        variable[name.size()] == '=') {
      return variable.substr(name.size() + 1);
    }
  }
  return {};
}

/// That of traces, or else that of everything.
struct Setting {
  std::string name;
  std::string_view value;
};
Setting setting(std::span<const std::string> variables, std::string_view what) {
  Setting own{"OTEL_EXPORTER_OTLP_TRACES_" + std::string(what), {}};
  own.value = value_of(variables, own.name);
  if (!own.value.empty()) return own;
  Setting shared{"OTEL_EXPORTER_OTLP_" + std::string(what), {}};
  shared.value = value_of(variables, shared.name);
  return shared;
}

/// "a=1,b=2", values percent-encoded as in W3C baggage.
Result<std::vector<std::pair<std::string, std::string>>> pairs(const Setting& from) {
  std::vector<std::pair<std::string, std::string>> all;
  for (std::string_view member : split(from.value, ',')) {
    member = trim(member);
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    const std::string_view key = trim(member.substr(0, equals));
    if (equals == std::string_view::npos || key.empty()) {
      return invalid(from.name, "must be of the form name=value,name=value");
    }
    const auto value = percent_decode_bytes(trim(member.substr(equals + 1)));
    if (!value || !is_utf8(*value)) return invalid(from.name, "has a value that can't be decoded");
    all.emplace_back(key, *value);
  }
  return all;
}

Result<bool> apply_endpoint(ExporterOptions& options, std::span<const std::string> variables) {
  const Setting endpoint = setting(variables, "ENDPOINT");
  if (endpoint.value.empty()) return false;
  if (!http::Url::parse(endpoint.value)) return invalid(endpoint.name, "is no http or https URL");
  options.traces_url = endpoint.value;
  const bool is_base = endpoint.name == "OTEL_EXPORTER_OTLP_ENDPOINT";
  if (!is_base) return true;
  if (!options.traces_url.ends_with('/')) options.traces_url.push_back('/');
  options.traces_url.append("v1/traces");
  return true;
}

Result<> apply_resource(Resource& resource, std::span<const std::string> variables) {
  Setting attributes{"OTEL_RESOURCE_ATTRIBUTES", {}};
  attributes.value = value_of(variables, attributes.name);
  auto all = pairs(attributes);
  if (!all) return std::move(all).error();
  for (auto& [key, value] : *all) {
    if (key == "service.name") {
      resource.service_name = std::move(value);
    } else if (key == "service.version") {
      resource.service_version = std::move(value);
    } else if (key == "service.instance.id") {
      resource.service_instance_id = std::move(value);
    } else if (!key.starts_with("telemetry.sdk.")) {
      resource.attributes.emplace_back(std::move(key), std::move(value));
    }
  }
  const std::string_view service = value_of(variables, "OTEL_SERVICE_NAME");
  if (!service.empty()) resource.service_name = service;
  return {};
}

}  // namespace

Result<bool> apply_environment(ExporterOptions& options, std::span<const std::string> variables) {
  ExporterOptions changed = options;
  const auto has_endpoint = apply_endpoint(changed, variables);
  if (!has_endpoint) return has_endpoint.error().clone();
  auto headers = pairs(setting(variables, "HEADERS"));
  if (!headers) return std::move(headers).error();
  for (auto& [name, value] : *headers) {
    changed.headers.emplace_back(std::move(name), Secret<std::string>(std::move(value)));
  }
  const Setting timeout = setting(variables, "TIMEOUT");
  if (!timeout.value.empty()) {
    const auto milliseconds = parse_int(timeout.value);
    if (!milliseconds || *milliseconds < 1 || *milliseconds > 600'000) {
      return invalid(timeout.name, "must be a number of milliseconds from 1 to 600000");
    }
    changed.timeout = std::chrono::milliseconds(*milliseconds);
  }
  const Setting compression = setting(variables, "COMPRESSION");
  if (!compression.value.empty()) {
    if (compression.value != "gzip" && compression.value != "none") {
      return invalid(compression.name, "must be gzip or none");
    }
    changed.gzip = compression.value == "gzip";
  }
  KIT_TRY(apply_resource(changed.resource, variables));
  options = std::move(changed);
  return *has_endpoint;
}

}  // namespace kit::otlp
