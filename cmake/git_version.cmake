# cmake -D SOURCE=<checkout> -D OUTPUT=<header> -P git_version.cmake: writes the commit into the
# header, and leaves the file alone when it is there already, so that nothing is compiled anew.
set(git "unknown")
find_program(GIT_PROGRAM git)
if(GIT_PROGRAM AND EXISTS ${SOURCE}/.git) # else git would answer for a repository around it
  execute_process(
    COMMAND ${GIT_PROGRAM} describe --always --dirty --abbrev=7 --exclude=*
    WORKING_DIRECTORY ${SOURCE}
    RESULT_VARIABLE failed OUTPUT_VARIABLE described
    OUTPUT_STRIP_TRAILING_WHITESPACE ERROR_QUIET)
  if(NOT failed AND described)
    set(git ${described})
  endif()
endif()
file(CONFIGURE OUTPUT ${OUTPUT} CONTENT "#define NORMBENCH_GIT \"${git}\"\n" @ONLY)
