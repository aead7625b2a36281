# find_package(fusebox): fusebox::fusebox is the shared library, fusebox::static the other (which needs liburing-dev).
include(CMakeFindDependencyMacro)
find_dependency(Threads)
include(${CMAKE_CURRENT_LIST_DIR}/fusebox-targets.cmake)
