#include "script/fuse_module.h"

#include <mruby/class.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>

#include "ruby/bind.h"
#include "script/host.h"

namespace fusebox::script {
namespace {

constexpr char kFuse[] = {
#embed "fuse.rb"
};

constexpr auto kHookLimit = std::chrono::seconds(10);
constexpr auto kEntriesValid = std::chrono::seconds(1);

mrb_value attribute(mrb_state* mrb, mrb_value fuse, const char* name) { return mrb_funcall(mrb, fuse, name, 0); }

[[noreturn]] void refuse(mrb_state* mrb, const char* name, const char* wanted) {
  mrb_raisef(mrb, E_ARGUMENT_ERROR, "FUSE.%s must be %s", name, wanted);
  std::unreachable();
}

// Seconds, to the nanosecond; `otherwise` for nil.
std::chrono::nanoseconds seconds(mrb_state* mrb, mrb_value fuse, const char* name, std::chrono::nanoseconds otherwise) {
  const mrb_value value = attribute(mrb, fuse, name);
  if (mrb_nil_p(value)) return otherwise;
  double number = -1;
  if (mrb_integer_p(value)) number = static_cast<double>(mrb_integer(value));
  if (mrb_float_p(value)) number = mrb_float(value);
  constexpr double kMost = 1e9;
  if (!(number >= 0 && number <= kMost)) refuse(mrb, name, "a number of seconds");
  return std::chrono::nanoseconds(static_cast<std::int64_t>(number * 1e9));
}

std::uint32_t id(mrb_state* mrb, mrb_value fuse, const char* name, std::uint32_t otherwise) {
  const mrb_value value = attribute(mrb, fuse, name);
  if (mrb_nil_p(value)) return otherwise;
  if (!mrb_integer_p(value) || mrb_integer(value) < 0 || mrb_integer(value) >= UINT32_MAX)
    refuse(mrb, name, "a number");
  return static_cast<std::uint32_t>(mrb_integer(value));
}

void text(mrb_state* mrb, mrb_value fuse, const char* name, std::string& into) {
  const mrb_value value = attribute(mrb, fuse, name);
  if (mrb_nil_p(value)) return;
  if (!mrb_string_p(value)) refuse(mrb, name, "a string");
  into = ruby::view_of(value);
}

bool has_attributes(mrb_state* mrb, mrb_value klass) {
  if (mrb_type(klass) != MRB_TT_CLASS) mrb_raise(mrb, E_TYPE_ERROR, "FUSE.run wants a class");
  constexpr std::array kHooks = {"on_getxattr", "on_setxattr", "on_listxattr", "on_removexattr"};
  return std::ranges::any_of(kHooks, [&](const char* hook) {
    return static_cast<bool>(mrb_obj_respond_to(mrb, mrb_class_ptr(klass), mrb_intern_cstr(mrb, hook)));
  });
}

void read_settings(mrb_state* mrb, mrb_value fuse, const HostOptions& options, Settings& settings) {
  settings.source = settings.subtype = "fusebox";
  text(mrb, fuse, "fsname", settings.source);
  text(mrb, fuse, "subtype", settings.subtype);
  settings.uid = id(mrb, fuse, "uid", ::getuid());
  settings.gid = id(mrb, fuse, "gid", ::getgid());
  settings.owner_alone = mrb_test(attribute(mrb, fuse, "allow_root"));
  settings.read_only = mrb_test(attribute(mrb, fuse, "read_only"));
  settings.debug = mrb_test(attribute(mrb, fuse, "debug"));
  settings.background = mrb_test(attribute(mrb, fuse, "daemonize"));
  settings.extended_attributes = has_attributes(mrb, attribute(mrb, fuse, "klass"));
  settings.attributes_valid = seconds(mrb, fuse, "cache_time", {});
  settings.entries_valid =
      seconds(mrb, fuse, "entry_timeout", std::max<std::chrono::nanoseconds>(kEntriesValid, settings.attributes_valid));
  settings.directories_valid = std::max(settings.entries_valid, settings.attributes_valid);
  settings.hook_limit = std::max<std::chrono::nanoseconds>(
      options.hook_limit.value_or(seconds(mrb, fuse, "hook_timeout", kHookLimit)), std::chrono::milliseconds(10));
  const mrb_value forget = attribute(mrb, fuse, "forget");
  if (!mrb_nil_p(forget)) settings.forget = mrb_test(forget) ? Forget::all : Forget::none;
}

// serve_file_system(path)
mrb_value serve_file_system(mrb_state* mrb, mrb_value) {
  mrb_value path;
  mrb_get_args(mrb, "o", &path);
  Host& host = Host::of(mrb);
  auto& settings = ruby::owned_by_ruby<Settings>(mrb);
  read_settings(mrb, mrb_obj_value(mrb_module_get(mrb, "FUSE")), host.options(), settings);
  settings.path = host.options().mount_point;
  if (settings.path.empty() && mrb_string_p(path)) settings.path = ruby::view_of(path);
  if (settings.path.empty() && !host.options().hand_over) {
    ruby::raise(mrb, E_ARGUMENT_ERROR, "no mount point (set FUSE.path, or give one on the command line)");
  }
  auto& fault = ruby::owned_by_ruby<std::string>(mrb);
  if (const Outcome<> served = host.serve(settings); !served) fault = served.error().line();
  if (!fault.empty()) ruby::raise(mrb, E_RUNTIME_ERROR, fault.c_str());
  if (const std::optional<int> status = host.asked_status()) {
    mrb_funcall(mrb, mrb_top_self(mrb), "exit", 1, mrb_fixnum_value(*status));
  }
  return mrb_fixnum_value(0);
}

mrb_value notify_of(mrb_state* mrb, mrb_value) {
  mrb_value path;
  mrb_get_args(mrb, "S", &path);
  return mrb_bool_value(Host::of(mrb).notify(std::string(ruby::view_of(path))));
}

}  // namespace

EmbeddedText fuse_module() { return embedded("fusebox:fuse.rb", kFuse); }

void define_fuse(mrb_state* mrb) {
  RClass* const own = mrb_module_get(mrb, "Fusebox");
  mrb_define_module_function(mrb, own, "serve_file_system", ruby::method_of<serve_file_system>, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "notify_of", ruby::method_of<notify_of>, MRB_ARGS_REQ(1));
}

}  // namespace fusebox::script
