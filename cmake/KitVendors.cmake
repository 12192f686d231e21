# SPDX-License-Identifier: Apache-2.0
# Every outside library of the tree with the oldest version it is built and tested against; Debian 12 is the floor. The
# installed package includes this file too, so a service finds the same libraries as kit itself did.
#
# Targets: Threads::Threads SQLite::SQLite3 yaml-cpp re2::re2 OpenSSL::SSL kit::nghttp2 ZLIB::ZLIB kit::brotli kit::zstd
#          kit::xlsxwriter kit::gperftools (where they are there)
#          kit::mustache CLI11::CLI11
#          tests only: GTest::* benchmark::* simdjson::simdjson
include_guard(GLOBAL)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(SQLite3 3.40 REQUIRED)
find_package(yaml-cpp 0.7 REQUIRED)

# re2 ships no CMake file and no version in its headers: its ABI number is in the name of the library.
find_path(KIT_RE2_INCLUDE re2/re2.h REQUIRED)
find_library(KIT_RE2_LIBRARY re2 REQUIRED)
if(NOT TARGET re2::re2)
  get_filename_component(kit_re2_file ${KIT_RE2_LIBRARY} REALPATH)
  if(kit_re2_file MATCHES "\\.so\\.([0-9]+)" AND CMAKE_MATCH_1 LESS 9)
    message(FATAL_ERROR "kit needs re2 with ABI 9 or later (Debian 12); found ${kit_re2_file}")
  endif()
  add_library(re2::re2 SHARED IMPORTED GLOBAL)
  set_target_properties(re2::re2 PROPERTIES
    IMPORTED_LOCATION ${KIT_RE2_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${KIT_RE2_INCLUDE})
endif()

find_package(OpenSSL 3.0 REQUIRED)
find_package(ZLIB 1.2.13 REQUIRED)

# Libraries without a CMake file of their own.
function(kit_vendor target header version_file pattern oldest)
  string(MAKE_C_IDENTIFIER "KIT_${target}" prefix)
  find_path(${prefix}_INCLUDE ${header} REQUIRED)
  set(libraries)
  foreach(library IN LISTS ARGN)
    find_library(${prefix}_${library} ${library} REQUIRED)
    list(APPEND libraries ${${prefix}_${library}})
  endforeach()
  if(version_file)
    file(STRINGS ${${prefix}_INCLUDE}/${version_file} line REGEX "${pattern}" LIMIT_COUNT 1)
    if(line MATCHES "${pattern}" AND CMAKE_MATCH_1 VERSION_LESS oldest)
      message(FATAL_ERROR "kit needs ${target} ${oldest} or later; found ${CMAKE_MATCH_1}")
    endif()
  endif()
  if(NOT TARGET kit::${target})
    add_library(kit_vendor_${target} INTERFACE IMPORTED GLOBAL)
    target_include_directories(kit_vendor_${target} SYSTEM INTERFACE ${${prefix}_INCLUDE})
    target_link_libraries(kit_vendor_${target} INTERFACE ${libraries})
    add_library(kit::${target} ALIAS kit_vendor_${target})
  endif()
endfunction()
kit_vendor(nghttp2 nghttp2/nghttp2.h nghttp2/nghttp2ver.h "NGHTTP2_VERSION \"([0-9.]+)\"" 1.52 nghttp2)
kit_vendor(brotli brotli/encode.h "" "" "" brotlienc brotlidec)
kit_vendor(zstd zstd.h "" "" "" zstd)

# Workbooks are read and written when the library is there (Debian: libxlsxwriter-dev).
option(KIT_WITH_XLSX "Import and export workbooks (.xlsx) when libxlsxwriter is there" ON)
find_path(KIT_XLSXWRITER_INCLUDE xlsxwriter.h)
find_library(KIT_XLSXWRITER_LIBRARY xlsxwriter)
if(KIT_WITH_XLSX AND KIT_XLSXWRITER_INCLUDE AND KIT_XLSXWRITER_LIBRARY)
  kit_vendor(xlsxwriter xlsxwriter.h xlsxwriter.h "LXW_VERSION \"([0-9.]+)\"" 1.1.4 xlsxwriter)
endif()

# Profiles of a running program, where gperftools is there (Debian: libgoogle-perftools-dev). Its tcmalloc, which knows who
# allocated what, takes the place of the C library's malloc: only where it is asked for (docs/adr/0047).
option(KIT_WITH_PROFILER "Take CPU profiles when gperftools' libprofiler is there" ON)
option(KIT_WITH_TCMALLOC "Allocate with gperftools' tcmalloc, for heap profiles" OFF)
find_path(KIT_GPERFTOOLS_INCLUDE gperftools/profiler.h)
find_library(KIT_PROFILER_LIBRARY profiler)
find_library(KIT_TCMALLOC_LIBRARY tcmalloc_and_profiler)
if(KIT_WITH_TCMALLOC AND NOT (KIT_GPERFTOOLS_INCLUDE AND KIT_TCMALLOC_LIBRARY))
  message(FATAL_ERROR "KIT_WITH_TCMALLOC needs gperftools (Debian: libgoogle-perftools-dev)")
endif()
if(KIT_WITH_TCMALLOC)
  kit_vendor(gperftools gperftools/profiler.h "" "" "" tcmalloc_and_profiler)
elseif(KIT_WITH_PROFILER AND KIT_GPERFTOOLS_INCLUDE AND KIT_PROFILER_LIBRARY)
  kit_vendor(gperftools gperftools/profiler.h "" "" "" profiler)
endif()

# Servers: what needs them is built when their client library is there (Debian: libpq-dev, libmariadb-dev);
# -DKIT_WITH_POSTGRES=OFF and -DKIT_WITH_MYSQL=OFF leave them out all the same. Targets kit::libpq, kit::mariadb.
option(KIT_WITH_POSTGRES "Build what talks to PostgreSQL when libpq is there" ON)
find_path(KIT_LIBPQ_INCLUDE libpq-fe.h PATH_SUFFIXES postgresql)
find_library(KIT_LIBPQ_LIBRARY pq)
if(KIT_WITH_POSTGRES AND KIT_LIBPQ_INCLUDE AND KIT_LIBPQ_LIBRARY)
  file(STRINGS ${KIT_LIBPQ_INCLUDE}/pg_config.h kit_libpq_version REGEX "define PG_VERSION_NUM [0-9]+" LIMIT_COUNT 1)
  if(kit_libpq_version MATCHES "([0-9]+)" AND CMAKE_MATCH_1 LESS 150000)
    message(FATAL_ERROR "kit needs libpq 15 or later; found ${CMAKE_MATCH_1}. -DKIT_WITH_POSTGRES=OFF builds without it.")
  endif()
  if(NOT TARGET kit::libpq)
    add_library(kit_vendor_libpq INTERFACE IMPORTED GLOBAL)
    target_include_directories(kit_vendor_libpq SYSTEM INTERFACE ${KIT_LIBPQ_INCLUDE})
    target_link_libraries(kit_vendor_libpq INTERFACE ${KIT_LIBPQ_LIBRARY})
    add_library(kit::libpq ALIAS kit_vendor_libpq)
  endif()
endif()
option(KIT_WITH_MYSQL "Build what talks to MySQL and MariaDB when libmariadb is there" ON)
find_path(KIT_mariadb_INCLUDE mysql.h PATH_SUFFIXES mariadb)
find_library(KIT_mariadb_mariadb mariadb)
if(KIT_WITH_MYSQL AND KIT_mariadb_INCLUDE AND KIT_mariadb_mariadb)
  kit_vendor(mariadb mysql.h mariadb_version.h "MARIADB_PACKAGE_VERSION +\"([0-9.]+)\"" 3.3 mariadb)
endif()

# Kafka, when its client is there (Debian: librdkafka-dev). Its version is a number: 0x020002ff is 2.0.2.
option(KIT_WITH_KAFKA "Build what talks to Kafka when librdkafka is there" ON)
find_path(KIT_RDKAFKA_INCLUDE librdkafka/rdkafka.h)
find_library(KIT_RDKAFKA_LIBRARY rdkafka)
# ThreadSanitizer does not see how librdkafka starts its threads, and fails in them.
if(KIT_WITH_KAFKA AND KIT_RDKAFKA_INCLUDE AND KIT_RDKAFKA_LIBRARY AND NOT KIT_SANITIZE MATCHES thread)
  kit_vendor(rdkafka librdkafka/rdkafka.h librdkafka/rdkafka.h "RD_KAFKA_VERSION +0x0([0-9]+)" 20002 rdkafka)
endif()

# What only the generator and the tests need; a service built against an installed kit needs neither.
if(PROJECT_NAME STREQUAL "kit")
  find_package(CLI11 2.1 REQUIRED)
  find_path(KIT_MUSTACHE_INCLUDE kainjow/mustache.hpp REQUIRED)
  file(STRINGS ${KIT_MUSTACHE_INCLUDE}/kainjow/mustache.hpp kit_mustache_version REGEX "Mustache v[0-9.]+" LIMIT_COUNT 1)
  if(kit_mustache_version MATCHES "v([0-9.]+)" AND CMAKE_MATCH_1 VERSION_LESS 4.1)
    message(FATAL_ERROR "kit needs kainjow/mustache 4.1 or later; found ${CMAKE_MATCH_1}")
  endif()
  if(NOT TARGET kit::mustache)
    add_library(kit_mustache INTERFACE IMPORTED GLOBAL)
    target_include_directories(kit_mustache SYSTEM INTERFACE ${KIT_MUSTACHE_INCLUDE})
    add_library(kit::mustache ALIAS kit_mustache)
  endif()
  if(KIT_BUILD_TESTS)
    find_package(GTest 1.12 REQUIRED)
    find_package(benchmark 1.7 REQUIRED)
    find_package(simdjson 3.0 REQUIRED)
  endif()
endif()
