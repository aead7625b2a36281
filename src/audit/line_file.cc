#include "audit/line_file.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace fusebox::audit {
namespace {

// The smallest page of the machines that Linux runs on; a multiple of it is a boundary on all of them.
constexpr std::size_t kPage = 4096;
constexpr std::size_t kRoomForALine = 1024;
constexpr std::size_t kBatch = 64 * 1024;

// A log may be a pipe.  Its reader's end must be an error of ours, not the end of the supervisor by SIGPIPE.
class WithoutSigpipe {
 public:
  WithoutSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~WithoutSigpipe() {
    constexpr timespec kNow{};
    if (!was_pending_) sigtimedwait(&sigpipe_, nullptr, &kNow);
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  WithoutSigpipe(const WithoutSigpipe&) = delete;
  WithoutSigpipe& operator=(const WithoutSigpipe&) = delete;

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// False also where nobody may look: then there is nothing to mend.
bool ends_within_a_line(int fd, std::uint64_t size) {
  if (size == 0) return false;
  const Fd readable(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC));
  char last = '\n';
  return readable && ::pread(readable.get(), &last, 1, static_cast<off_t>(size - 1)) == 1 && last != '\n';
}

}  // namespace

Outcome<LineFile> LineFile::create(Fd file) {
  LineFile lines(std::move(file));
  if (!lines.file_) return lines;
  const int flags = ::fcntl(lines.file_.get(), F_GETFL);
  struct stat status{};
  if (flags < 0 || ::fstat(lines.file_.get(), &status) < 0) return std::unexpected(fault_with_errno("audit log"));
  if ((flags & O_ACCMODE) == O_RDONLY || (flags & O_APPEND) == 0) {
    return std::unexpected(Fault{.what = "audit log", .why = "not open for appending", .remedy = {}});
  }
  lines.is_regular_ = S_ISREG(status.st_mode);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (lines.is_regular_ && ends_within_a_line(lines.file_.get(), size)) {
    lines.start_ = size;
    lines.batch_ = "\n";
  }
  return lines;
}

// Asked for each batch, for a log may be shared, rotated or truncated by others.
void LineFile::begin_batch() {
  struct stat status{};
  if (is_regular_ && ::fstat(file_.get(), &status) == 0) start_ = static_cast<std::uint64_t>(status.st_size);
}

std::size_t LineFile::room_on_page() const { return kPage - (start_ + batch_.size()) % kPage; }

void LineFile::fill_page(std::size_t room) {
  batch_.back() = ' ';
  batch_.append(room - 1, ' ');
  batch_ += '\n';
}

void LineFile::add(std::string_view line) {
  if (!file_ || error_ != 0) return;
  // What goes to a pipe in one piece of this size is not mixed with the pieces of others (pipe(7)).
  const std::size_t limit = is_regular_ ? kBatch : PIPE_BUF;
  if (!batch_.empty() && batch_.size() + line.size() > limit && !flush()) return;
  if (batch_.empty()) begin_batch();
  if (is_regular_ && !batch_.empty()) {
    const std::size_t room = room_on_page();
    if (line.size() > room && room < kPage) fill_page(room);
  }
  batch_ += line;
}

Result<void> LineFile::flush() {
  if (error_ != 0) return fail(static_cast<Errno>(error_));
  if (batch_.empty()) return {};
  // The next batch cannot fill up this one's last line any more.
  if (const std::size_t room = room_on_page(); is_regular_ && room < kRoomForALine) fill_page(room);
  const auto written = write_batch();
  batch_.clear();
  return written;
}

Result<void> LineFile::write_batch() {
  const WithoutSigpipe guard;
  std::size_t written = 0;
  while (written < batch_.size()) {
    const ssize_t count = ::write(file_.get(), batch_.data() + written, batch_.size() - written);
    if (count > 0) {
      written += static_cast<std::size_t>(count);
    } else if (count < 0 && errno == EINTR) {
      continue;
    } else if (count < 0 && errno == EAGAIN) {
      pollfd writable{.fd = file_.get(), .events = POLLOUT, .revents = 0};
      ::poll(&writable, 1, -1);
    } else {
      error_ = count < 0 ? errno : ENOSPC;  // write(2) does not say what 0 means here; a full device is nearest
      cut_back(written);
      return fail(static_cast<Errno>(error_));
    }
  }
  return {};
}

void LineFile::cut_back(std::size_t written) {
  const std::size_t newline = std::string_view(batch_).substr(0, written).rfind('\n');
  const std::size_t whole = newline == std::string::npos ? 0 : newline + 1;
  struct stat status{};
  if (!is_regular_ || whole == written || ::fstat(file_.get(), &status) < 0) return;
  // Only while the torn line is ours: another box may have appended to the same file.
  if (static_cast<std::uint64_t>(status.st_size) != start_ + written) return;
  while (::ftruncate(file_.get(), static_cast<off_t>(start_ + whole)) < 0 && errno == EINTR) {
  }
}

Result<void> LineFile::close() {
  const auto flushed = flush();
  if (!file_) return flushed;
  if (::close(file_.release()) < 0 && errno != EINTR && flushed) return fail_with_errno();
  return flushed;
}

}  // namespace fusebox::audit
