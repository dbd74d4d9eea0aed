# Run by `cmake --install`: writes the unit for the prefix that is installed to, and the config file,
# which is left alone where there is one already.
set(PROGRESSD_BINDIR "${CMAKE_INSTALL_PREFIX}/bin")
set(PROGRESSD_SYSCONFDIR "${CMAKE_INSTALL_PREFIX}/etc")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
  set(PROGRESSD_SYSCONFDIR /etc)
endif()

set(service "${CMAKE_INSTALL_PREFIX}/lib/systemd/system/progressd.service")
configure_file("${service_template}" "$ENV{DESTDIR}${service}" @ONLY)
list(APPEND CMAKE_INSTALL_MANIFEST_FILES "${service}")
if(NOT EXISTS "$ENV{DESTDIR}${PROGRESSD_SYSCONFDIR}/progressd/progressd.toml")
  file(INSTALL "${config_source}" DESTINATION "${PROGRESSD_SYSCONFDIR}/progressd")
endif()
