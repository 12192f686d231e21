// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "kitgen/render/cpp/names.hpp"

namespace kitgen::render {

/// What repositories read rows of a cached entity through.
void add_cache(const model::Entity& entity, View& view);
bool has_caches(const model::Service& service);
/// The list of what is cached, and the repositories' caches, of add_data.
void add_caches(const Project& project, View& view);
/// "customers_(database, kit::record::RowCache<biz::Customer>(caches.store(0)))"
std::string repository_on_database(const model::Service& service, const model::Entity& entity);
/// The files of what is done by schedule.
void add_jobs(const Project& project, std::vector<File>& files);

}  // namespace kitgen::render
