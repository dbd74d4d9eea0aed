# Run by CPack for each package, between installing its files and packing them: what Debian's policy
# wants beside them, and compressed manuals. Nothing here depends on when or where it is run.
set(epoch "$ENV{SOURCE_DATE_EPOCH}")
if(epoch STREQUAL "")
  # That of the last commit; of a tree without git, that of its newest release's file.
  execute_process(COMMAND git -c "safe.directory=${CPACK_PROGRESSD_SOURCE}" log -1 --format=%ct
    WORKING_DIRECTORY "${CPACK_PROGRESSD_SOURCE}" OUTPUT_VARIABLE epoch
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
endif()
if(epoch STREQUAL "")
  file(TIMESTAMP "${CPACK_PROGRESSD_SOURCE}/CHANGELOG.md" epoch "%s" UTC)
endif()
set(ENV{SOURCE_DATE_EPOCH} "${epoch}")

function(compress file)
  execute_process(COMMAND gzip -9 --no-name --force "${file}" COMMAND_ERROR_IS_FATAL ANY)
endfunction()

# Installing leaves out what was not built; a package must not.
foreach(program progressd progressctl sseload)
  foreach(file "bin/${program}" "share/man/man1/${program}.1")
    if(NOT EXISTS "${CPACK_TEMPORARY_DIRECTORY}/runtime/usr/${file}")
      message(FATAL_ERROR "stage.cmake: there is no ${file}: build all of it first")
    endif()
  endforeach()
endforeach()

set(packaging "${CPACK_PROGRESSD_SOURCE}/tools/packaging")
foreach(component runtime dev)
  set(root "${CPACK_TEMPORARY_DIRECTORY}/${component}")
  if(NOT IS_DIRECTORY "${root}")
    message(FATAL_ERROR "stage.cmake: CPack installed no ${component} into ${root}")
  endif()
  string(TOUPPER "${component}" COMPONENT)
  set(package "${CPACK_DEBIAN_${COMPONENT}_PACKAGE_NAME}")
  set(doc "${root}/usr/share/doc/${package}")

  configure_file("${packaging}/debian/copyright" "${doc}/copyright" COPYONLY)
  string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC)  # of SOURCE_DATE_EPOCH
  configure_file("${packaging}/debian/changelog.in" "${doc}/changelog" @ONLY)
  compress("${doc}/changelog")
  configure_file("${CPACK_PROGRESSD_SOURCE}/CHANGELOG.md" "${doc}/CHANGELOG.md" COPYONLY)
  compress("${doc}/CHANGELOG.md")
  set(overrides "${packaging}/debian/${package}.lintian-overrides")
  if(EXISTS "${overrides}")
    configure_file("${overrides}" "${root}/usr/share/lintian/overrides/${package}" COPYONLY)
  endif()
  file(GLOB pages "${root}/usr/share/man/man*/*.[1-9]")
  foreach(page IN LISTS pages)
    compress("${page}")
  endforeach()

  # Neither the machine's umask nor the time of the build is seen in the package.
  execute_process(COMMAND chmod -R u=rwX,go=rX "${root}" COMMAND_ERROR_IS_FATAL ANY)
  execute_process(COMMAND find "${root}" -exec touch --no-dereference "--date=@${epoch}" {} +
    COMMAND_ERROR_IS_FATAL ANY)
endforeach()
