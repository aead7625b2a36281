#include <dirent.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <string_view>

#include "ruby/bind.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

template <char (utsname::*Field)[sizeof(utsname::nodename)]>
mrb_value uname_field(mrb_state* mrb, mrb_value) {
  utsname names{};
  if (::uname(&names) != 0) raise_system_error(mrb, errno, "uname");
  return to_ruby(mrb, static_cast<const char*>(names.*Field));
}

mrb_value make_directory(mrb_state* mrb, mrb_value) {
  const char* path = nullptr;
  mrb_int mode = 0777;
  mrb_get_args(mrb, "z|i", &path, &mode);
  if (::mkdir(path, static_cast<mode_t>(mode)) != 0) raise_system_error(mrb, errno, path);
  return mrb_fixnum_value(0);
}

mrb_value remove_directory(mrb_state* mrb, mrb_value) {
  const char* path = nullptr;
  mrb_get_args(mrb, "z", &path);
  if (::rmdir(path) != 0) raise_system_error(mrb, errno, path);
  return mrb_fixnum_value(0);
}

// All names but "." and "..", a NUL behind each; gives an errno.
int read_names(const char* path, std::string& into) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(path), ::closedir);
  if (!directory) return errno;
  while (const dirent* const entry = ::readdir(directory.get())) {
    const std::string_view name(static_cast<const char*>(entry->d_name));
    if (name != "." && name != "..") into.append(name).push_back('\0');
  }
  return 0;
}

mrb_value children(mrb_state* mrb, mrb_value) {
  const char* path = nullptr;
  mrb_get_args(mrb, "z", &path);
  std::string& names = owned_by_ruby<std::string>(mrb);
  const int error = read_names(path, names);
  if (error != 0) raise_system_error(mrb, error, path);
  return mrb_funcall(mrb, to_ruby(mrb, names), "split", 1, to_ruby(mrb, std::string_view("\0", 1)));
}

mrb_int nanoseconds(const timespec& time) { return time.tv_sec * mrb_int{1'000'000'000} + time.tv_nsec; }

// [mode, nlink, size, uid, gid, ino, atime, mtime, ctime], the times in nanoseconds.
template <int (*Stat)(const char*, struct stat*)>
mrb_value status(mrb_state* mrb, mrb_value) {
  const char* path = nullptr;
  mrb_get_args(mrb, "z", &path);
  struct stat found{};
  if (Stat(path, &found) != 0) raise_system_error(mrb, errno, path);
  const std::array<mrb_int, 9> fields = {
      static_cast<mrb_int>(found.st_mode), static_cast<mrb_int>(found.st_nlink), static_cast<mrb_int>(found.st_size),
      static_cast<mrb_int>(found.st_uid),  static_cast<mrb_int>(found.st_gid),   static_cast<mrb_int>(found.st_ino),
      nanoseconds(found.st_atim),          nanoseconds(found.st_mtim),           nanoseconds(found.st_ctim)};
  const mrb_value array = mrb_ary_new_capa(mrb, fields.size());
  for (const mrb_int field : fields) mrb_ary_push(mrb, array, mrb_int_value(mrb, field));
  return array;
}

}  // namespace

void define_system(mrb_state* mrb) {
  RClass* const uname = mrb_define_module(mrb, "Uname");
  mrb_define_module_function(mrb, uname, "sysname", uname_field<&utsname::sysname>, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, uname, "nodename", uname_field<&utsname::nodename>, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, uname, "release", uname_field<&utsname::release>, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, uname, "version", uname_field<&utsname::version>, MRB_ARGS_NONE());
  mrb_define_module_function(mrb, uname, "machine", uname_field<&utsname::machine>, MRB_ARGS_NONE());
  RClass* const directory = mrb_define_class(mrb, "Dir", mrb->object_class);
  mrb_define_class_method(mrb, directory, "mkdir", make_directory, MRB_ARGS_ARG(1, 1));
  mrb_define_class_method(mrb, directory, "rmdir", remove_directory, MRB_ARGS_REQ(1));
  mrb_define_class_method(mrb, directory, "children", method_of<children>, MRB_ARGS_REQ(1));
  RClass* const own = fusebox_module(mrb);
  mrb_define_module_function(mrb, own, "stat", status<::stat>, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "lstat", status<::lstat>, MRB_ARGS_REQ(1));
}

}  // namespace fusebox::ruby
