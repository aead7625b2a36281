// What hooks return, read into C++ values.
#pragma once

#include <mruby.h>

#include "script/hooks.h"
#include "script/settings.h"

namespace fusebox::script {

// The names of the fields that a returned object or Hash may have, looked up once: that takes longer than a field.
struct FieldNames {
  static FieldNames of(mrb_state* mrb);  // inside of a protected call

  struct {
    mrb_sym mode, nlink, size, uid, gid, ino, atime, mtime, ctime, valid;
  } st;  // st_mode, and so on
  struct {
    mrb_sym bsize, blocks, bfree, bavail, files, ffree, namelen;
  } f;
};

// What answers are read by.
struct Reading {
  const Settings& settings;
  const FieldNames& names;
};

// `hook` is the one that was called for the question.  Inside of a protected call: it calls methods of what the script
// returned, which may raise.  False: that is none of the values which the hook may return, and `answer` holds EIO.
bool read_answer(mrb_state* mrb, Hook hook, const Question& question, const Reading& reading, mrb_value returned,
                 Answer& answer);

}  // namespace fusebox::script
