#include "seccomp/notification.h"

#include <mruby.h>
#include <mruby/array.h>

#include <algorithm>
#include <cstdlib>

#include "base/descriptor_message.h"
#include "ruby/bind.h"
#include "ruby/modules.h"
#include "ruby_seccomp/bindings.h"

namespace fusebox::ruby_seccomp {
namespace {

// [id, pid, number, argument...], or nil when nobody is left.  Numbers above 2**63 are shown as negative ones.
mrb_value receive_call(mrb_state* mrb, mrb_value) {
  mrb_int listener = -1;
  mrb_get_args(mrb, "i", &listener);
  const auto received = seccomp::receive_call(static_cast<int>(listener));
  if (!received) ruby::raise_system_error(mrb, static_cast<int>(received.error()), "Notification#respond");
  if (!*received) return mrb_nil_value();
  const seccomp::NotifiedCall& call = **received;
  const mrb_value array = mrb_ary_new(mrb);
  mrb_ary_push(mrb, array, mrb_int_value(mrb, static_cast<mrb_int>(call.id)));
  mrb_ary_push(mrb, array, mrb_int_value(mrb, call.pid));
  mrb_ary_push(mrb, array, mrb_int_value(mrb, call.number));
  for (const std::uint64_t argument : call.arguments) {
    mrb_ary_push(mrb, array, mrb_int_value(mrb, static_cast<mrb_int>(argument)));
  }
  return array;
}

mrb_value still_waits(mrb_state* mrb, mrb_value) {
  mrb_int listener = -1;
  mrb_int id = 0;
  mrb_get_args(mrb, "ii", &listener, &id);
  return mrb_bool_value(seccomp::still_waits(static_cast<int>(listener), static_cast<std::uint64_t>(id)));
}

// (listener, id, goes_on, value, error).  An error below 0 is one, too: the kernel's own way to write it.
mrb_value answer_call(mrb_state* mrb, mrb_value) {
  constexpr mrb_int kMaxErrno = 4095;
  mrb_int listener = -1;
  mrb_int id = 0;
  mrb_bool goes_on = FALSE;
  mrb_int value = 0;
  mrb_int error = 0;
  mrb_get_args(mrb, "iibii", &listener, &id, &goes_on, &value, &error);
  if (error < -kMaxErrno || error > kMaxErrno) ruby::raise(mrb, E_ARGUMENT_ERROR, "reterror: not an errno");
  const auto answered =
      seccomp::answer_call(static_cast<int>(listener), static_cast<std::uint64_t>(id),
                           {.goes_on = goes_on != FALSE, .value = value, .error = std::abs(static_cast<int>(error))});
  if (!answered) ruby::raise_system_error(mrb, static_cast<int>(answered.error()), "Notification#respond");
  return mrb_nil_value();
}

mrb_value send_descriptor(mrb_state* mrb, mrb_value) {
  mrb_int socket = -1;
  mrb_int descriptor = -1;
  mrb_get_args(mrb, "ii", &socket, &descriptor);
  const auto sent = fusebox::send_descriptor(static_cast<int>(socket), static_cast<int>(descriptor));
  if (!sent) ruby::raise_system_error(mrb, static_cast<int>(sent.error()), "sendfd");
  return mrb_true_value();
}

// As a number: where this raises, there is no descriptor to close.
mrb_value receive_descriptor(mrb_state* mrb, mrb_value) {
  mrb_int socket = -1;
  mrb_get_args(mrb, "i", &socket);
  int error = 0;
  int descriptor = -1;
  {
    auto received = fusebox::receive_descriptor(static_cast<int>(socket));
    if (received) {
      descriptor = received->release();
    } else {
      error = static_cast<int>(received.error());
    }
  }
  if (error != 0) ruby::raise_system_error(mrb, error, "recvfd");
  return mrb_int_value(mrb, descriptor);
}

}  // namespace

void define_notification(mrb_state* mrb) {
  RClass* const own = ruby::fusebox_module(mrb);
  mrb_define_module_function(mrb, own, "receive_call", receive_call, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, own, "still_waits", still_waits, MRB_ARGS_REQ(2));
  mrb_define_module_function(mrb, own, "answer_call", answer_call, MRB_ARGS_REQ(5));
  mrb_define_module_function(mrb, own, "send_descriptor", send_descriptor, MRB_ARGS_REQ(2));
  mrb_define_module_function(mrb, own, "receive_descriptor", receive_descriptor, MRB_ARGS_REQ(1));
}

}  // namespace fusebox::ruby_seccomp
