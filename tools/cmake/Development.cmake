# What programs need that embed the server: its headers, its libraries, and how to find them, for
# CMake (find_package(progressd)) and for pkg-config. tools/examples/embed is such a program.

# In a folder of their own: the distribution may come to have an llhttp too.
set(dev_library_folder "${CMAKE_INSTALL_LIBDIR}/progressd")
set(dev_cmake_folder "${CMAKE_INSTALL_LIBDIR}/cmake/progressd")

install(TARGETS progressd_net progressd_core llhttp progressd_options progressd_sanitizers
  EXPORT progressd
  ARCHIVE DESTINATION "${dev_library_folder}" COMPONENT dev)
# Not those that are about flags alone: they would take CLI11 too, and nobody needs them.
install(DIRECTORY core net DESTINATION include/progressd COMPONENT dev
  FILES_MATCHING PATTERN "*.h"
  PATTERN config_access.h EXCLUDE
  PATTERN config_flags.h EXCLUDE
  PATTERN config_sources.h EXCLUDE)
install(FILES "${Llhttp_INCLUDE_DIR}/llhttp.h" DESTINATION include/progressd COMPONENT dev)

include(CMakePackageConfigHelpers)
configure_package_config_file(
  tools/cmake/progressdConfig.cmake.in "${PROJECT_BINARY_DIR}/progressdConfig.cmake"
  INSTALL_DESTINATION "${dev_cmake_folder}")
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/progressdConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(
  FILES "${PROJECT_BINARY_DIR}/progressdConfig.cmake"
    "${PROJECT_BINARY_DIR}/progressdConfigVersion.cmake"
  DESTINATION "${dev_cmake_folder}" COMPONENT dev)
install(EXPORT progressd NAMESPACE progressd:: FILE progressdTargets.cmake
  DESTINATION "${dev_cmake_folder}" COMPONENT dev)

# From the .pc file to the prefix, so that the tree can be moved.
file(RELATIVE_PATH PROGRESSD_PREFIX_FROM_PC "/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/")
configure_file(tools/cmake/progressd.pc.in "${PROJECT_BINARY_DIR}/progressd.pc" @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/progressd.pc"
  DESTINATION "${CMAKE_INSTALL_LIBDIR}/pkgconfig" COMPONENT dev)
