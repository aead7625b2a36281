#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>

#include <array>

#include "ruby/bind.h"
#include "ruby_seccomp/bindings.h"
#include "seccomp/tracer.h"

namespace fusebox::ruby_seccomp {
namespace {

constexpr mrb_data_type kType = {"Seccomp::Trace",
                                 [](mrb_state*, void* tracer) { delete static_cast<seccomp::Tracer*>(tracer); }};

// An errno.
int attach(mrb_int pid, seccomp::Tracer*& into) {
  auto tracer = seccomp::Tracer::attach(static_cast<pid_t>(pid));
  if (!tracer) return static_cast<int>(tracer.error());
  into = new seccomp::Tracer(*std::move(tracer));
  return 0;
}

mrb_value initialize(mrb_state* mrb, mrb_value self) {
  mrb_int pid = 0;
  mrb_get_args(mrb, "i", &pid);
  if (DATA_PTR(self) != nullptr) ruby::raise(mrb, E_RUNTIME_ERROR, "Seccomp::Trace: initialized twice");
  seccomp::Tracer* tracer = nullptr;
  const int error = attach(pid, tracer);
  if (error != 0) ruby::raise_system_error(mrb, error, "start_trace");
  mrb_data_init(self, tracer, &kType);
  return self;
}

seccomp::Tracer& tracer_of(mrb_state* mrb, mrb_value self) {
  auto* tracer = static_cast<seccomp::Tracer*>(mrb_data_get_ptr(mrb, self, &kType));
  if (tracer == nullptr) ruby::raise(mrb, E_ARGUMENT_ERROR, "Seccomp::Trace: not initialized");
  return *tracer;
}

// [number, pid, userdata], or nil at the end of the first process.
mrb_value next(mrb_state* mrb, mrb_value self) {
  const auto call = tracer_of(mrb, self).next();
  if (!call) ruby::raise_system_error(mrb, static_cast<int>(call.error()), "start_trace");
  if (!*call) return mrb_nil_value();
  const std::array<mrb_value, 3> told = {mrb_int_value(mrb, (*call)->number), mrb_int_value(mrb, (*call)->pid),
                                         mrb_int_value(mrb, (*call)->datum)};
  return mrb_ary_new_from_values(mrb, told.size(), told.data());
}

mrb_value status(mrb_state* mrb, mrb_value self) { return mrb_int_value(mrb, tracer_of(mrb, self).status()); }

mrb_value release(mrb_state* mrb, mrb_value self) {
  tracer_of(mrb, self).release();
  return mrb_nil_value();
}

}  // namespace

void define_trace(mrb_state* mrb) {
  RClass* const trace = mrb_define_class_under(mrb, mrb_define_module(mrb, "Seccomp"), "Trace", mrb->object_class);
  MRB_SET_INSTANCE_TT(trace, MRB_TT_DATA);
  mrb_define_method(mrb, trace, "initialize", ruby::method_of<initialize>, MRB_ARGS_REQ(1));
  mrb_define_method(mrb, trace, "next", ruby::method_of<next>, MRB_ARGS_NONE());
  mrb_define_method(mrb, trace, "status", status, MRB_ARGS_NONE());
  mrb_define_method(mrb, trace, "release", ruby::method_of<release>, MRB_ARGS_NONE());
}

}  // namespace fusebox::ruby_seccomp
