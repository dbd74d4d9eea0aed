# Run by CPack when a package is there: packs it once more by dpkg-deb, which writes no time of today
# into it, as CPack does. SOURCE_DATE_EPOCH is what stage.cmake has set.
foreach(file IN LISTS CPACK_PACKAGE_FILES)
  set(tree "${file}.tree")
  file(REMOVE_RECURSE "${tree}")
  execute_process(COMMAND dpkg-deb --raw-extract "${file}" "${tree}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND dpkg-deb --root-owner-group --build "${tree}" "${file}"
    OUTPUT_QUIET COMMAND_ERROR_IS_FATAL ANY)
  file(REMOVE_RECURSE "${tree}")
endforeach()
