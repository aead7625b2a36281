#include <fmt/format.h>
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/data.h>
#include <mruby/variable.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>
#include <span>
#include <string>

#include "ruby/bind.h"
#include "ruby_seccomp/bindings.h"
#include "ruby_seccomp/seccomp_module.h"
#include "seccomp/check.h"
#include "seccomp/filter.h"
#include "seccomp/oci_write.h"
#include "seccomp/words.h"

namespace fusebox::ruby_seccomp {
namespace {

struct Filter {
  seccomp::Profile profile;
  seccomp::Context loaded;  // of the last load(): it owns the descriptor for notifications
  std::string told;         // what a method has to say; here, so that it survives Ruby's jumps
};

constexpr mrb_data_type kType = {"Seccomp::Context",
                                 [](mrb_state*, void* filter) { delete static_cast<Filter*>(filter); }};

Filter& filter_of(mrb_state* mrb, mrb_value self) {
  auto* filter = static_cast<Filter*>(mrb_data_get_ptr(mrb, self, &kType));
  if (filter == nullptr) ruby::raise(mrb, E_ARGUMENT_ERROR, "Seccomp::Context: not initialized");
  return *filter;
}

// Methods that may fail give nil, or a text to raise ArgumentError with: the prelude does so.
mrb_value nil_or_complaint(mrb_state* mrb, const Filter& filter) {
  return filter.told.empty() ? mrb_nil_value() : ruby::to_ruby(mrb, filter.told);
}

std::string set_default(Filter& filter, mrb_int number) {
  const auto action =
      number < 0 || number > UINT32_MAX ? std::nullopt : seccomp::action_of(static_cast<std::uint32_t>(number));
  if (!action) return fmt::format("Invalid action: {}", number);
  filter.profile = {.default_action = *action};
  return {};
}

mrb_value start(mrb_state* mrb, mrb_value self) {
  mrb_int number = 0;
  mrb_get_args(mrb, "i", &number);
  auto* filter = static_cast<Filter*>(DATA_PTR(self));
  if (filter == nullptr) {
    filter = new Filter();
    mrb_data_init(self, filter, &kType);
  }
  filter->told = set_default(*filter, number);
  return nil_or_complaint(mrb, *filter);
}

// A condition as the prelude gives it: [argument, comparison, value, value_two].
using ConditionNumbers = std::array<mrb_int, 4>;

std::optional<seccomp::Condition> condition_of(const ConditionNumbers& numbers) {
  constexpr std::array kComparisons = {seccomp::Comparison::ne,       seccomp::Comparison::lt, seccomp::Comparison::le,
                                       seccomp::Comparison::eq,       seccomp::Comparison::ge, seccomp::Comparison::gt,
                                       seccomp::Comparison::masked_eq};
  const auto same = std::ranges::find_if(
      kComparisons, [&](seccomp::Comparison comparison) { return seccomp::number_of(comparison) == numbers[1]; });
  if (same == kComparisons.end()) return std::nullopt;
  return seccomp::Condition{.argument = static_cast<unsigned>(numbers[0]),
                            .comparison = *same,
                            .value = static_cast<std::uint64_t>(numbers[2]),
                            .value_two = static_cast<std::uint64_t>(numbers[3])};
}

std::string add(Filter& filter, mrb_int number, std::string_view name, std::span<const ConditionNumbers> conditions) {
  const auto action =
      number < 0 || number > UINT32_MAX ? std::nullopt : seccomp::action_of(static_cast<std::uint32_t>(number));
  if (!action) return fmt::format("Invalid action: {}", number);
  if (*action == filter.profile.default_action) {
    return fmt::format("rule {} for {}: that is the default action already", seccomp::text_of(*action), name);
  }
  seccomp::Rule rule{.names = {std::string(name)}, .action = *action, .conditions = {}};
  for (const ConditionNumbers& numbers : conditions) {
    const auto condition = condition_of(numbers);
    if (!condition) return fmt::format("Invalid op expression: {}", numbers[1]);
    rule.conditions.push_back(*condition);
  }
  filter.profile.rules.push_back(std::move(rule));
  return {};
}

mrb_value add_rule(mrb_state* mrb, mrb_value self) {
  mrb_int number = 0;
  mrb_value name;
  const mrb_value* arguments = nullptr;
  mrb_int count = 0;
  mrb_get_args(mrb, "iS*", &number, &name, &arguments, &count);
  Filter& filter = filter_of(mrb, self);
  if (count > seccomp::kArguments) ruby::raise(mrb, E_ARGUMENT_ERROR, "a system call has 6 arguments, no more");
  std::array<ConditionNumbers, seccomp::kArguments> conditions{};
  for (mrb_int i = 0; i < count; ++i) {
    for (mrb_int field = 0; field < 4; ++field) {
      const mrb_value element = mrb_ary_ref(mrb, arguments[i], field);
      conditions[static_cast<std::size_t>(i)][static_cast<std::size_t>(field)] = mrb_integer(mrb_to_int(mrb, element));
    }
  }
  filter.told = add(filter, number, ruby::view_of(name), std::span(conditions).first(static_cast<std::size_t>(count)));
  return nil_or_complaint(mrb, filter);
}

// Checks and builds; what is wrong is left in `told`.
seccomp::Context built(Filter& filter) {
  filter.told.clear();
  const auto checked = seccomp::check(filter.profile, "filter");
  if (!checked) {
    filter.told = checked.error().line();
    return nullptr;
  }
  for (const std::string& warning : *checked) {
    const std::string line = "warning: " + warning + "\n";
    std::fwrite(line.data(), 1, line.size(), stderr);
  }
  auto context = seccomp::build(filter.profile);
  if (context) return *std::move(context);
  filter.told = context.error().line();
  return nullptr;
}

// 0, or an errno that libseccomp gave; or `told` says more.
int load_now(Filter& filter) {
  seccomp::Context context = built(filter);
  if (!context) return 0;
  const int code = seccomp_load(context.get());
  if (code == 0) filter.loaded = std::move(context);
  return -code;
}

mrb_value load(mrb_state* mrb, mrb_value self) {
  Filter& filter = filter_of(mrb, self);
  const int error = load_now(filter);
  if (!filter.told.empty()) mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s", filter.told.c_str());
  if (error != 0) ruby::raise_system_error(mrb, error, "seccomp_load");
  return mrb_fixnum_value(0);
}

mrb_value notify_fd(mrb_state* mrb, mrb_value self) {
  const Filter& filter = filter_of(mrb, self);
  if (!filter.loaded) ruby::raise(mrb, mrb->eStandardError_class, "notify_fd: the filter is not loaded");
  const int descriptor = seccomp_notify_fd(filter.loaded.get());
  if (descriptor < 0) ruby::raise(mrb, mrb->eStandardError_class, "notify_fd: the filter has no rule that notifies");
  return mrb_int_value(mrb, descriptor);
}

mrb_value to_oci(mrb_state* mrb, mrb_value self) {
  Filter& filter = filter_of(mrb, self);
  filter.told = seccomp::write_oci(filter.profile);
  return ruby::to_ruby(mrb, filter.told);
}

void write_pseudo_code(Filter& filter, bool& is_good) {
  const seccomp::Context context = built(filter);
  if (!context) return;
  const auto code = seccomp::pseudo_code(context);
  is_good = code.has_value();
  filter.told = code ? *code : code.error().line();
}

mrb_value to_pfc(mrb_state* mrb, mrb_value self) {
  Filter& filter = filter_of(mrb, self);
  bool is_good = false;
  write_pseudo_code(filter, is_good);
  if (!is_good) mrb_raisef(mrb, E_ARGUMENT_ERROR, "%s", filter.told.c_str());
  return ruby::to_ruby(mrb, filter.told);
}

mrb_value hand_over(mrb_state* mrb, mrb_value self) {
  const Filter& filter = filter_of(mrb, self);
  const mrb_value receiver =
      mrb_iv_get(mrb, mrb_obj_value(mrb_module_get(mrb, "Seccomp")), mrb_intern_cstr(mrb, "hand_over"));
  if (!mrb_cptr_p(receiver)) return mrb_false_value();
  (*static_cast<const HandOver*>(mrb_cptr(receiver)))(filter.profile);
  return mrb_true_value();
}

}  // namespace

void define_context(mrb_state* mrb) {
  RClass* const context = mrb_define_class_under(mrb, mrb_define_module(mrb, "Seccomp"), "Context", mrb->object_class);
  MRB_SET_INSTANCE_TT(context, MRB_TT_DATA);
  mrb_define_method(mrb, context, "__start", ruby::method_of<start>, MRB_ARGS_REQ(1));
  mrb_define_method(mrb, context, "__add", ruby::method_of<add_rule>, MRB_ARGS_ANY());
  mrb_define_method(mrb, context, "__load", ruby::method_of<load>, MRB_ARGS_NONE());
  mrb_define_method(mrb, context, "__hand_over", ruby::method_of<hand_over>, MRB_ARGS_NONE());
  mrb_define_method(mrb, context, "notify_fd", notify_fd, MRB_ARGS_NONE());
  mrb_define_method(mrb, context, "to_oci", ruby::method_of<to_oci>, MRB_ARGS_NONE());
  mrb_define_method(mrb, context, "to_pfc", ruby::method_of<to_pfc>, MRB_ARGS_NONE());
}

}  // namespace fusebox::ruby_seccomp
