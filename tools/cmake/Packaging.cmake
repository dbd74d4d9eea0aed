# What `cmake --install` adds for a machine that runs progressd (units, their user, a config file),
# and the Debian packages progressd and progressd-dev: `cpack --preset package` after a build.

# Where things are is known when they are installed, not before: --prefix may be another one then,
# and of a package it is.
install(CODE "
  set(service_template \"${PROJECT_SOURCE_DIR}/tools/systemd/progressd.service.in\")
  set(config_source \"${PROJECT_SOURCE_DIR}/tools/packaging/progressd.toml\")
  include(\"${PROJECT_SOURCE_DIR}/tools/packaging/install_service.cmake\")")
install(FILES tools/systemd/progressd.socket DESTINATION lib/systemd/system)
install(FILES tools/packaging/progressd.sysusers DESTINATION lib/sysusers.d RENAME progressd.conf)

set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME progressd)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "server that tells browsers how their jobs are doing")
set(CPACK_PACKAGE_CONTACT "progressd developers <progressd@example.invalid>")
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_STRIP_FILES ON)
# With DESTDIR, so that the prefix is /usr for the scripts, and the config file goes to /etc.
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_PACKAGE_DIRECTORY "${PROJECT_BINARY_DIR}/packages")
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_COMPONENTS_ALL runtime dev)
set(CPACK_PRE_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/tools/packaging/stage.cmake")
set(CPACK_POST_BUILD_SCRIPTS "${PROJECT_SOURCE_DIR}/tools/packaging/pack_again.cmake")
set(CPACK_PROGRESSD_SOURCE "${PROJECT_SOURCE_DIR}")

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME progressd)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SECTION net)
set(CPACK_DEBIAN_RUNTIME_DESCRIPTION
  "Post a job, or report progress from your own workers, and everybody who
follows it gets each event over Server-Sent Events: in order, and resumable
after any cut. With it come progressctl, its command line, and sseload, a
load generator for any such server.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
# The user is made by systemd-sysusers. In a container that of its own package is enough.
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(maintainer_scripts "${PROJECT_SOURCE_DIR}/tools/packaging/debian")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA
  "${maintainer_scripts}/postinst" "${maintainer_scripts}/prerm" "${maintainer_scripts}/postrm"
  "${maintainer_scripts}/conffiles")

set(CPACK_DEBIAN_DEV_PACKAGE_NAME progressd-dev)
set(CPACK_DEBIAN_DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_DEV_DESCRIPTION
  "Headers and static libraries of progressd, for programs that have the server
in their own loop, with files for CMake and pkg-config.")
set(CPACK_DEBIAN_DEV_PACKAGE_DEPENDS
  "libuv1-dev (>= 1.44), libcurl4-openssl-dev (>= 7.87), libsqlite3-dev (>= 3.37), libfmt-dev, libspdlog-dev, libsimdjson-dev, libtomlplusplus-dev, prometheus-cpp-dev, libjwt-dev (>= 1.10), libssl-dev, libexpected-dev, robin-map-dev, pkg-config")

include(CPack)
