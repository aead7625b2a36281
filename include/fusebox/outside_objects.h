// FIFOs and sockets that exist outside, shown inside as the objects that they are.
//
// The kernel attaches a pipe or a listener to the inode that was opened or bound, and asks no file system about it: a
// mirrored FIFO has ends of its own.  What helps is to mount the host's object on its name, by a process that walks the
// mirror for it.
//
// Careful: such a mount waits for lookups of the same name, and for whoever holds its directory's lock.  So it is made
// while the attributes of the directory are asked for: the kernel does that before a walk through it (with the mount
// option default_permissions: fs/fuse/dir.c, fuse_permission), and the walk holds nothing of the directory yet.
// Without that option there is the lookup of the directory's own name, where the kernel knows it already and so holds
// nothing meanwhile.  A first walk is let in; if it meets an object there, it is sent back to its start (ESTALE), and
// asks for the name again.
#pragma once

#include <sys/types.h>

#include <coroutine>
#include <string>

#pragma GCC visibility push(default)
namespace fusebox {

// Any thread may call anything, unless said otherwise.  Paths are absolute, as the tree's users see them.
class OutsideObjects {
 public:
  virtual ~OutsideObjects() = default;

  // Is it of any use to look for objects in this directory?  Asked once for each.
  virtual bool may_be_in(const std::string& directory) = 0;

  // May this object be used as it is, so that nobody sees what goes through it?
  virtual bool may_show(const std::string& path) = 0;

  // Requests of this thread on its way into `directory` are part of showing an object, or come before one can be shown.
  virtual bool must_not_wait(pid_t tid, const std::string& directory) = 0;

  // Resumes the coroutine on a thread that serves no requests, one coroutine after the other.  False: there is none
  // (any more); the caller goes on itself.
  virtual bool resume_elsewhere(std::coroutine_handle<> coroutine) = 0;

  // Shows the object that `fd` (O_PATH) stands for at `path`.  False: not done within a limited time; the mirrored one
  // stays in place.  To be called on the thread of resume_elsewhere().
  virtual bool show(int fd, const std::string& path) = 0;

  // Begins it, for a caller that stands in its way and is about to step aside: comes back in some milliseconds.
  virtual void begin_to_show(int fd, const std::string& path) = 0;

  // Does this thread, which waits for an answer, want to remove or rename a name?  The kernel refuses that for one that
  // something is mounted on (EBUSY) without a question to the file system, but it looks the name up before.
  virtual bool removes_a_name(pid_t tid) = 0;

  // Undoes show().  On the same thread.
  virtual void withdraw(const std::string& path) = 0;
};

// `co_await Elsewhere(objects)`: what follows runs on the thread of resume_elsewhere().
class Elsewhere {
 public:
  explicit Elsewhere(OutsideObjects& objects) : objects_(objects) {}

  bool await_ready() const noexcept { return false; }
  bool await_suspend(std::coroutine_handle<> coroutine) { return objects_.resume_elsewhere(coroutine); }
  void await_resume() const noexcept {}

 private:
  OutsideObjects& objects_;
};

}  // namespace fusebox
#pragma GCC visibility pop
