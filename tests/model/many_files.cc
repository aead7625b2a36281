// Many files, a stage at a time: what the server holds between the stages is for the caller to look at.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "fusebox/fd.h"
#include "model_load.h"

namespace fusebox::model {
namespace {

constexpr unsigned long kPerDirectory = 1000;

int stop(const char* what, const std::string& path) {
  fmt::print(stderr, "{} {}: {}\n", what, path, strerrorname_np(errno));
  return 1;
}

int one_file(const std::string& path, const std::string& stage) {
  struct stat status{};
  if (stage == "create") {
    const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    return file ? 0 : stop("create", path);
  }
  if (stage == "stat") return ::lstat(path.c_str(), &status) == 0 ? 0 : stop("stat", path);
  if (stage == "rename") return ::rename(path.c_str(), (path + ".new").c_str()) == 0 ? 0 : stop("rename", path);
  if (stage == "remove") return ::unlink((path + ".new").c_str()) == 0 ? 0 : stop("unlink", path);
  fmt::print(stderr, "no such stage: {}\n", stage);
  return 2;
}

}  // namespace

int many_files(const std::string& top, const std::string& stage, unsigned long count) {
  for (unsigned long i = 0; i < count; ++i) {
    const std::string directory = fmt::format("{}/directory{}", top, i / kPerDirectory);
    if (stage == "create" && i % kPerDirectory == 0 && ::mkdir(directory.c_str(), 0755) != 0) {
      return stop("mkdir", directory);
    }
    if (const int failed = one_file(fmt::format("{}/file{}", directory, i), stage)) return failed;
    const bool is_last = i % kPerDirectory == kPerDirectory - 1 || i == count - 1;
    if (stage == "remove" && is_last && ::rmdir(directory.c_str()) != 0) return stop("rmdir", directory);
  }
  return 0;
}

}  // namespace fusebox::model
