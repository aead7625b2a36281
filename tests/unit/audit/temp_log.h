// A log file for one test, gone at its end.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "fusebox/fd.h"

namespace fusebox::audit {

class TempLog {
 public:
  TempLog()
      : path_((std::getenv("TMPDIR") != nullptr ? std::getenv("TMPDIR") : "/tmp") + std::string("/audit-XXXXXX")) {
    ::close(::mkstemp(path_.data()));
  }
  ~TempLog() { ::unlink(path_.c_str()); }
  TempLog(const TempLog&) = delete;
  TempLog& operator=(const TempLog&) = delete;

  const std::string& path() const { return path_; }
  Fd open() const { return Fd(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)); }

  std::string text() const {
    std::ostringstream text;
    text << std::ifstream(path_).rdbuf();
    return text.str();
  }
  std::vector<std::string> lines() const {
    std::istringstream stream(text());
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
  }

 private:
  std::string path_;
};

}  // namespace fusebox::audit
