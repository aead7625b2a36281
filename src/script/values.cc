#include "script/values.h"

#include <mruby/array.h>
#include <mruby/hash.h>
#include <mruby/string.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cmath>

#include "fusebox/name.h"
#include "ruby/bind.h"

namespace fusebox::script {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;
constexpr mrb_int kLastErrno = 4095;
constexpr std::size_t kLongestTarget = PATH_MAX - 1;
constexpr std::size_t kLargestAttribute = 65536;  // XATTR_SIZE_MAX, XATTR_LIST_MAX

using ruby::view_of;

bool wrong(Answer& answer) {
  answer.error = EIO;
  return false;
}

// Fields that a struct need not have, nor a Hash.
mrb_value field(mrb_state* mrb, mrb_value of, mrb_sym name) {
  if (mrb_hash_p(of)) return mrb_hash_get(mrb, of, mrb_symbol_value(name));
  if (!mrb_respond_to(mrb, of, name)) return mrb_nil_value();
  return mrb_funcall_argv(mrb, of, name, 0, nullptr);
}

// Nothing for nil; false for what is not within 0 and `most`.
template <class T>
bool read_number(mrb_value value, mrb_int most, T& into) {
  if (mrb_nil_p(value)) return true;
  if (!mrb_integer_p(value) || mrb_integer(value) < 0 || mrb_integer(value) > most) return false;
  into = static_cast<T>(mrb_integer(value));
  return true;
}

template <class T>
bool read_field(mrb_state* mrb, mrb_value of, mrb_sym name, mrb_int most, T& into) {
  return read_number(field(mrb, of, name), most, into);
}

// Integer nanoseconds since 1970, or a Time.
bool read_time(mrb_state* mrb, mrb_value of, mrb_sym name, timespec& into) {
  mrb_value value = field(mrb, of, name);
  if (mrb_nil_p(value)) return true;
  if (mrb_class_defined(mrb, "Time") && mrb_obj_is_kind_of(mrb, value, mrb_class_get(mrb, "Time"))) {
    const mrb_value whole = mrb_funcall(mrb, value, "to_i", 0);
    const mrb_value micro = mrb_funcall(mrb, value, "usec", 0);
    if (!mrb_integer_p(whole) || !mrb_integer_p(micro)) return false;
    into = {.tv_sec = mrb_integer(whole), .tv_nsec = mrb_integer(micro) * 1000};
    return true;
  }
  if (!mrb_integer_p(value)) return false;
  mrb_int seconds = mrb_integer(value) / kBillion;
  mrb_int rest = mrb_integer(value) % kBillion;
  if (rest < 0) {
    rest += kBillion;
    --seconds;
  }
  into = {.tv_sec = seconds, .tv_nsec = rest};
  return true;
}

// Seconds, 0 to a year.
bool read_validity(mrb_value value, Validity& into) {
  constexpr double kYear = 365.0 * 86400;
  if (mrb_nil_p(value)) return true;
  double seconds = 0;
  if (mrb_integer_p(value))
    seconds = static_cast<double>(mrb_integer(value));
  else if (mrb_float_p(value))
    seconds = mrb_float(value);
  else
    return false;
  if (!(seconds >= 0)) return false;
  into = Validity(static_cast<std::int64_t>(std::min(seconds, kYear) * static_cast<double>(kBillion)));
  return true;
}

bool is_type(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFDIR:
    case S_IFREG:
    case S_IFLNK:
    case S_IFIFO:
    case S_IFSOCK:
    case S_IFCHR:
    case S_IFBLK:
      return true;
    default:
      return false;
  }
}

bool read_attributes(mrb_state* mrb, const Reading& reading, mrb_value given, Answer& answer) {
  const auto& [settings, names] = reading;
  Attr& attr = answer.attr;
  attr.uid = settings.uid;
  attr.gid = settings.gid;
  if (!mrb_hash_p(given) && !mrb_respond_to(mrb, given, names.st.mode)) return wrong(answer);
  if (!read_field(mrb, given, names.st.mode, 0177777, attr.mode) || !is_type(attr.mode)) return wrong(answer);
  attr.valid_for = S_ISDIR(attr.mode) ? settings.directories_valid : settings.attributes_valid;
  const bool good =
      read_field(mrb, given, names.st.nlink, UINT32_MAX, attr.nlink) &&
      read_field(mrb, given, names.st.size, INT64_MAX, attr.size) &&
      read_field(mrb, given, names.st.uid, UINT32_MAX - 1, attr.uid) &&
      read_field(mrb, given, names.st.gid, UINT32_MAX - 1, attr.gid) &&
      read_field(mrb, given, names.st.ino, INT64_MAX, attr.ino) && read_time(mrb, given, names.st.atime, attr.atime) &&
      read_time(mrb, given, names.st.mtime, attr.mtime) && read_time(mrb, given, names.st.ctime, attr.ctime) &&
      read_validity(field(mrb, given, names.st.valid), attr.valid_for);
  if (!good) return wrong(answer);
  attr.blocks = attr.size / 512 + (attr.size % 512 != 0 ? 1 : 0);
  return true;
}

bool read_names(mrb_value given, bool of_directory, Answer& answer) {
  if (!mrb_array_p(given)) return wrong(answer);
  std::size_t total = 0;
  for (mrb_int i = 0; i < RARRAY_LEN(given); ++i) {
    const mrb_value element = RARRAY_PTR(given)[i];
    if (!mrb_string_p(element)) return wrong(answer);
    const std::string name(view_of(element));
    total += name.size() + 1;
    if (of_directory && (name == "." || name == "..")) continue;  // the host adds them
    const bool fits = of_directory || total <= kLargestAttribute;
    if (!fits || !Name::parse(std::string_view(name.c_str(), name.size()))) return wrong(answer);
    answer.names.push_back(name);
  }
  return true;
}

// [String, Integer]: so many bytes of it.
bool read_pair(mrb_value given, std::string_view& text) {
  if (!mrb_array_p(given) || RARRAY_LEN(given) != 2) return false;
  const mrb_value string = RARRAY_PTR(given)[0];
  const mrb_value size = RARRAY_PTR(given)[1];
  if (!mrb_string_p(string) || !mrb_integer_p(size) || mrb_integer(size) < 0) return false;
  text = view_of(string).substr(0, static_cast<std::size_t>(mrb_integer(size)));
  return true;
}

bool read_contents(Hook hook, const Question& question, mrb_value given, Answer& answer) {
  std::string_view text;
  if (!read_pair(given, text)) return wrong(answer);
  if (hook == Hook::read_all) text.remove_prefix(std::min<std::uint64_t>(question.offset, text.size()));
  answer.text = text.substr(0, question.size);
  return true;
}

bool read_target(mrb_value given, Answer& answer) {
  std::string_view text;
  if (!read_pair(given, text) || text.empty() || text.size() > kLongestTarget || text.contains('\0')) {
    return wrong(answer);
  }
  answer.text = text;
  return true;
}

bool read_attribute(mrb_value given, Answer& answer) {
  if (!mrb_string_p(given) || view_of(given).size() > kLargestAttribute) return wrong(answer);
  answer.text = view_of(given);
  return true;
}

bool read_statfs(mrb_state* mrb, const FieldNames& names, mrb_value given, Answer& answer) {
  struct statvfs& into = answer.statfs;
  if (!mrb_hash_p(given) && !mrb_respond_to(mrb, given, names.f.bsize) && !mrb_respond_to(mrb, given, names.f.blocks)) {
    return wrong(answer);
  }
  const bool good = read_field(mrb, given, names.f.bsize, UINT32_MAX, into.f_bsize) &&
                    read_field(mrb, given, names.f.blocks, INT64_MAX, into.f_blocks) &&
                    read_field(mrb, given, names.f.bfree, INT64_MAX, into.f_bfree) &&
                    read_field(mrb, given, names.f.bavail, INT64_MAX, into.f_bavail) &&
                    read_field(mrb, given, names.f.files, INT64_MAX, into.f_files) &&
                    read_field(mrb, given, names.f.ffree, INT64_MAX, into.f_ffree) &&
                    read_field(mrb, given, names.f.namelen, UINT32_MAX, into.f_namemax);
  into.f_frsize = into.f_bsize;
  return good || wrong(answer);
}

bool read_success(const Question& question, mrb_value given, Answer& answer) {
  const mrb_int most = question.hook == Hook::write ? static_cast<mrb_int>(question.size) : 0;
  return read_number(given, most, answer.number) || wrong(answer);
}

}  // namespace

FieldNames FieldNames::of(mrb_state* mrb) {
  return {.st = {.mode = mrb_intern_lit(mrb, "st_mode"),
                 .nlink = mrb_intern_lit(mrb, "st_nlink"),
                 .size = mrb_intern_lit(mrb, "st_size"),
                 .uid = mrb_intern_lit(mrb, "st_uid"),
                 .gid = mrb_intern_lit(mrb, "st_gid"),
                 .ino = mrb_intern_lit(mrb, "st_ino"),
                 .atime = mrb_intern_lit(mrb, "st_atime"),
                 .mtime = mrb_intern_lit(mrb, "st_mtime"),
                 .ctime = mrb_intern_lit(mrb, "st_ctime"),
                 .valid = mrb_intern_lit(mrb, "st_valid")},
          .f = {.bsize = mrb_intern_lit(mrb, "f_bsize"),
                .blocks = mrb_intern_lit(mrb, "f_blocks"),
                .bfree = mrb_intern_lit(mrb, "f_bfree"),
                .bavail = mrb_intern_lit(mrb, "f_bavail"),
                .files = mrb_intern_lit(mrb, "f_files"),
                .ffree = mrb_intern_lit(mrb, "f_ffree"),
                .namelen = mrb_intern_lit(mrb, "f_namelen")}};
}

bool read_answer(mrb_state* mrb, Hook hook, const Question& question, const Reading& reading, mrb_value returned,
                 Answer& answer) {
  if (hook == Hook::release) return true;  // anything
  if (mrb_nil_p(returned)) {
    answer.error = hook == Hook::getxattr || hook == Hook::removexattr ? ENODATA : ENOENT;
    return true;
  }
  if (mrb_integer_p(returned) && mrb_integer(returned) < 0 && mrb_integer(returned) >= -kLastErrno) {
    answer.error = static_cast<int>(-mrb_integer(returned));
    return true;
  }
  switch (hook) {
    case Hook::getattr:
      return read_attributes(mrb, reading, returned, answer);
    case Hook::readdir:
      return read_names(returned, true, answer);
    case Hook::listxattr:
      return read_names(returned, false, answer);
    case Hook::read:
    case Hook::read_all:
      return read_contents(hook, question, returned, answer);
    case Hook::readlink:
      return read_target(returned, answer);
    case Hook::getxattr:
      return read_attribute(returned, answer);
    case Hook::statfs:
      return read_statfs(mrb, reading.names, returned, answer);
    default:
      return read_success(question, returned, answer);
  }
}

}  // namespace fusebox::script
