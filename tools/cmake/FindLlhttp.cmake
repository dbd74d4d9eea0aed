# Builds llhttp from the C sources that Debian's package node-llhttp installs: the distribution has
# no library of it. Defines the target Llhttp::llhttp (static), and Llhttp_VERSION.
#
# Strict mode is a compile-time choice in this version, and the header looks at it too, so it is
# PUBLIC. It refuses what lenient parsers let through: bare LF line ends, odd spaces around tokens.

find_path(Llhttp_INCLUDE_DIR llhttp.h PATHS /usr/share/include PATH_SUFFIXES llhttp)
find_path(Llhttp_SOURCE_DIR llhttp.c PATHS /usr/share PATH_SUFFIXES llhttp)
mark_as_advanced(Llhttp_INCLUDE_DIR Llhttp_SOURCE_DIR)

if(Llhttp_INCLUDE_DIR)
  set(Llhttp_VERSION "")
  foreach(part MAJOR MINOR PATCH)
    file(STRINGS "${Llhttp_INCLUDE_DIR}/llhttp.h" line REGEX "^#define LLHTTP_VERSION_${part} ")
    string(REGEX MATCH "[0-9]+$" number "${line}")
    list(APPEND Llhttp_VERSION "${number}")
  endforeach()
  list(JOIN Llhttp_VERSION "." Llhttp_VERSION)
endif()

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(
  Llhttp
  REQUIRED_VARS Llhttp_SOURCE_DIR Llhttp_INCLUDE_DIR
  VERSION_VAR Llhttp_VERSION
  REASON_FAILURE_MESSAGE "the package node-llhttp installs both")

if(Llhttp_FOUND AND NOT TARGET Llhttp::llhttp)
  add_library(llhttp STATIC
    "${Llhttp_SOURCE_DIR}/api.c" "${Llhttp_SOURCE_DIR}/http.c" "${Llhttp_SOURCE_DIR}/llhttp.c")
  target_include_directories(llhttp SYSTEM PUBLIC "$<BUILD_INTERFACE:${Llhttp_INCLUDE_DIR}>")
  target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
  set_target_properties(llhttp PROPERTIES
    POSITION_INDEPENDENT_CODE ON
    UNITY_BUILD OFF)  # its files declare the same functions differently
  add_library(Llhttp::llhttp ALIAS llhttp)
endif()
