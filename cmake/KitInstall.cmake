# SPDX-License-Identifier: Apache-2.0
# cmake --install and the Debian package kit-dev: libraries, headers, kitgen and the files behind
# find_package(kit 0.1 REQUIRED).
include_guard(GLOBAL)
if(NOT PROJECT_IS_TOP_LEVEL OR KIT_SANITIZE OR KIT_FUZZ)
  return()
endif()
include(CMakePackageConfigHelpers)

get_property(kit_modules GLOBAL PROPERTY KIT_MODULES)
set(kit_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kit)

install(TARGETS ${kit_modules} EXPORT kitTargets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY ${KIT_SOURCE_DIR}/kit/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/kit
  FILES_MATCHING PATTERN "*.hpp" PATTERN "detail" EXCLUDE PATTERN "node_modules" EXCLUDE
  PATTERN "*_test_support.hpp" EXCLUDE PATTERN "test_*.hpp" EXCLUDE)
if(TARGET kitgen)
  install(TARGETS kitgen EXPORT kitTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT kitTargets NAMESPACE kit:: DESTINATION ${kit_package_dir})

configure_package_config_file(${KIT_SOURCE_DIR}/cmake/kitConfig.cmake.in ${CMAKE_BINARY_DIR}/kitConfig.cmake
  INSTALL_DESTINATION ${kit_package_dir})
# Before 1.0 a minor version may break: 0.1 asks for 0.1.x.
write_basic_package_version_file(${CMAKE_BINARY_DIR}/kitConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  ${CMAKE_BINARY_DIR}/kitConfig.cmake ${CMAKE_BINARY_DIR}/kitConfigVersion.cmake
  cmake/KitVendors.cmake cmake/KitEmbed.cmake cmake/KitEmbedGenerate.cmake cmake/KitApplication.cmake
  DESTINATION ${kit_package_dir})
install(PROGRAMS tools/check_layers.py DESTINATION ${CMAKE_INSTALL_DATADIR}/kit)
install(FILES README.md LICENSE NOTICE CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} RENAME copyright OPTIONAL)

# The package. What a service needs to build against kit are its dependencies, with the versions of KitVendors.cmake.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kit-dev)
set(CPACK_PACKAGE_VENDOR "The kit authors")
set(CPACK_PACKAGE_CONTACT "The kit authors <kit@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Service framework and code factory for C++23 back offices")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY ${KIT_SOURCE_DIR}/build/package)
set(CPACK_STRIP_FILES ON)
set(CPACK_INSTALL_CMAKE_PROJECTS "${CMAKE_BINARY_DIR};kit;ALL;/")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)  # kitgen's libraries
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "libsqlite3-dev (>= 3.40), libyaml-cpp-dev (>= 0.7), libre2-dev (>= 20220601), libssl-dev (>= 3.0), libnghttp2-dev (>= 1.52), zlib1g-dev (>= 1:1.2.13), libbrotli-dev (>= 1.0.9), libzstd-dev (>= 1.5.4), libc6-dev, gzip")
if(TARGET kit::kafka)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", librdkafka-dev (>= 2.0)")
endif()
if(TARGET kit::gperftools)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libgoogle-perftools-dev (>= 2.10)")
endif()
if(TARGET kit::xlsxwriter)
  string(APPEND CPACK_DEBIAN_PACKAGE_DEPENDS ", libxlsxwriter-dev (>= 1.1.4)")
endif()
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "clang-19 | g++ (>= 4:12), cmake (>= 3.25), ninja-build, libpq-dev (>= 15)")
include(CPack)
