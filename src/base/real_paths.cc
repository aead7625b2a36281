#include "base/real_paths.h"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

namespace fusebox {
namespace {

std::optional<std::string> real_path(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return std::nullopt;
  return real.get();
}

}  // namespace

const std::optional<std::string>& RealPaths::of(const std::string& path) {
  if (const auto known = known_.find(path); known != known_.end()) return known->second;
  return known_.emplace(path, look(path)).first->second;
}

std::optional<std::string> RealPaths::look(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string name = slash == std::string::npos ? std::string() : path.substr(slash + 1);
  if (name.empty() || name == "." || name == "..") return real_path(path);
  std::string real = path;
  if (slash > 0) {
    const std::optional<std::string>& directory = of(path.substr(0, slash));
    if (!directory) return std::nullopt;
    real = (*directory == "/" ? "" : *directory) + "/" + name;
  }
  char byte = 0;
  if (::readlink(real.c_str(), &byte, 1) >= 0) return real_path(real);
  if (errno != EINVAL) return std::nullopt;  // readlink(2): EINVAL where it exists and is no symlink
  return real;
}

}  // namespace fusebox
