#include "ruby/raised.h"

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/string.h>

#include <string_view>

#include "fusebox/fault.h"
#include "ruby/prelude.h"

namespace fusebox::ruby {
namespace {

std::string_view text_of(mrb_value string) {
  return {RSTRING_PTR(string), static_cast<std::size_t>(RSTRING_LEN(string))};
}

// "notes.rb:12" of "notes.rb:12:in on_read".
std::string_view place_of(std::string_view frame) { return frame.substr(0, frame.find(":in ")); }

void put_place(mrb_value backtrace, std::string& line) {
  if (!mrb_array_p(backtrace)) return;
  for (mrb_int i = 0; i < RARRAY_LEN(backtrace); ++i) {
    const mrb_value frame = RARRAY_PTR(backtrace)[i];
    if (!mrb_string_p(frame) || is_prelude(text_of(frame))) continue;
    line = printable(place_of(text_of(frame)));
    return;
  }
}

bool is_a(mrb_state* mrb, mrb_value object, const char* name) {
  return mrb_class_defined(mrb, name) && mrb_obj_is_kind_of(mrb, object, mrb_class_get(mrb, name));
}

std::optional<int> number_from(mrb_state* mrb, mrb_value exception, const char* method) {
  const mrb_value number = mrb_funcall(mrb, exception, method, 0);
  if (!mrb_integer_p(number)) return std::nullopt;
  return static_cast<int>(mrb_integer(number));
}

}  // namespace

void describe(mrb_state* mrb, mrb_value exception, Raised& into) {
  // First what decides, then what is only told: the latter may fail for want of memory.
  if (is_a(mrb, exception, "SystemExit")) into.exit_status = number_from(mrb, exception, "status").value_or(1);
  if (is_a(mrb, exception, "SystemCallError")) into.error_number = number_from(mrb, exception, "errno");
  put_place(mrb_funcall(mrb, exception, "backtrace", 0), into.line);
  const mrb_value message = mrb_funcall(mrb, exception, "message", 0);
  if (!into.line.empty()) into.line += ": ";
  if (mrb_string_p(message)) into.line += printable(text_of(message));
  into.line += " (";
  into.line += mrb_obj_classname(mrb, exception);
  into.line += ")";
}

}  // namespace fusebox::ruby
