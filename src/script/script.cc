#include "script/script.h"

#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>
#include <mruby/string.h>
#include <mruby/variable.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <utility>

#include "ruby/bind.h"
#include "script/values.h"

namespace fusebox::script {
namespace {

constexpr std::size_t kLongestValue = 80;  // of a returned value in a message
constexpr std::uint64_t kPrime = 0x100000001b3;

using ruby::to_ruby;
using ruby::view_of;

mrb_value to_ruby_argument(mrb_state* mrb, const Argument& argument) {
  if (const auto* number = std::get_if<std::int64_t>(&argument)) return mrb_int_value(mrb, *number);
  if (const auto* flag = std::get_if<bool>(&argument)) return mrb_bool_value(*flag);
  if (const auto* text = std::get_if<std::string>(&argument)) return to_ruby(mrb, *text);
  const auto& maybe = std::get<std::optional<std::int64_t>>(argument);
  return maybe ? mrb_int_value(mrb, *maybe) : mrb_nil_value();
}

// Whether the instance variables are what they were: which objects they hold, and how long those are.
int add_variable(mrb_state* mrb, mrb_sym name, mrb_value value, void* opaque) {
  auto& hash = *static_cast<std::uint64_t*>(opaque);
  std::uint64_t length = 0;
  if (mrb_string_p(value)) length = static_cast<std::uint64_t>(RSTRING_LEN(value));
  if (mrb_array_p(value)) length = static_cast<std::uint64_t>(RARRAY_LEN(value));
  if (mrb_hash_p(value)) length = static_cast<std::uint64_t>(mrb_hash_size(mrb, value));
  for (const std::uint64_t part : {std::uint64_t{name}, std::uint64_t{value.w}, length}) hash = (hash ^ part) * kPrime;
  return 0;
}

}  // namespace

class Script::HookCall final : public Lane::Call {
 public:
  HookCall(Script& script, Question question) : script_(script), question_(std::move(question)) {}

  void run() override { script_.answer(question_, answer_); }
  std::string name() const override {
    return std::string(name_of(question_.hook)) + " of " + printable(question_.path);
  }

  Answer take() { return std::move(answer_); }

 private:
  Script& script_;
  const Question question_;
  Answer answer_;
};

Script::Script(ruby::Engine& engine, Settings settings, Outside outside)
    : engine_(engine),
      settings_(std::move(settings)),
      outside_(std::move(outside)),
      nodes_([this](std::string path) { forgetting_.add(std::move(path), false); }),
      lane_(settings_.hook_limit, outside_.tell) {
  const ruby::Ran<> ready = engine.protect([this](mrb_state* mrb) {
    for (std::size_t i = 0; i < symbols_.size(); ++i) symbols_[i] = mrb_intern_cstr(mrb, kHookNames[i]);
    field_names_ = FieldNames::of(mrb);
    fuse_ = mrb_obj_value(mrb_module_get(mrb, "FUSE"));
    pool_ = mrb_funcall(mrb, fuse_, "pool", 0);
    mrb_gc_register(mrb, pool_);
  });
  if (!ready) throw std::runtime_error(ready.error().line);
}

Task<Answer> Script::ask(Question question) {
  const auto call = std::make_shared<HookCall>(*this, std::move(question));
  const Result<> passed = co_await lane_.pass(call);
  if (!passed) co_return passed.error();
  Answer answer = call->take();
  if (answer.error != 0) co_return static_cast<Errno>(answer.error);
  co_return answer;
}

Task<Answer> Script::ask_needed(Question question) {
  const Hook hook = question.hook;
  const std::string path = question.path;
  Answer answer = co_await ask(std::move(question));
  if (!answer.absent) co_return answer;
  outside_.tell(std::string(name_of(hook)) + " of " + printable(path) + ": the class has no such method");
  co_return Errno::io;
}

void Script::ask_aside(Question question) { lane_.drop_in(std::make_shared<HookCall>(*this, std::move(question))); }

void Script::answer(const Question& question, Answer& answer) {
  forget();
  std::string complaint;
  const ruby::Ran<> ran = engine_.protect([&](mrb_state* mrb) { call_hook(mrb, question, answer, complaint); });
  if (!ran) take_error(question, ran.error(), answer);
  if (!complaint.empty()) outside_.tell(complaint);
  remember(question, answer);
  if (outside_.debug) {
    outside_.tell(std::string(name_of(question.hook)) + " " + printable(question.path) + ": " +
                  (answer.error != 0 ? ::strerrorname_np(answer.error)
                   : answer.absent   ? "absent"
                                     : "ok"));
  }
}

void Script::call_hook(mrb_state* mrb, const Question& question, Answer& answer, std::string& complaint) {
  const mrb_value object = object_of(mrb, question.path);
  const auto symbol = [this](Hook hook) { return symbols_[static_cast<std::size_t>(hook)]; };
  const auto has = [&](Hook hook) { return static_cast<bool>(mrb_respond_to(mrb, object, symbol(hook))); };
  const Hook hook = question.hook == Hook::read && has(Hook::read_all) ? Hook::read_all : question.hook;
  if (!has(hook)) {
    answer.absent = true;
    return;
  }
  if (hook == Hook::open || hook == Hook::create) answer.has_release = has(Hook::release);
  std::array<mrb_value, 3> arguments;
  mrb_int count = 0;
  if (hook != Hook::read_all) {
    for (const Argument& argument : question.arguments) {
      arguments.at(static_cast<std::size_t>(count++)) = to_ruby_argument(mrb, argument);
    }
  }
  const mrb_value returned = mrb_funcall_argv(mrb, object, symbol(hook), count, arguments.data());
  if (read_answer(mrb, hook, question, {settings_, field_names_}, returned, answer)) return;
  const mrb_value shown = mrb_funcall(mrb, returned, "inspect", 0);
  complaint = std::string(name_of(hook)) + " of " + printable(question.path) + ": may not return ";
  if (mrb_string_p(shown)) complaint += printable(view_of(shown).substr(0, kLongestValue));
}

mrb_value Script::object_of(mrb_state* mrb, const std::string& path) {
  const mrb_value key = to_ruby(mrb, path);
  const mrb_value known = mrb_hash_get(mrb, pool_, key);
  if (!mrb_nil_p(known)) return known;
  return mrb_funcall(mrb, fuse_, "find_or_create_instance_by_path", 1, key);
}

void Script::take_error(const Question& question, const ruby::Raised& raised, Answer& answer) {
  answer = Answer{.error = EIO};
  if (raised.exit_status) {
    outside_.end(*raised.exit_status);
    return;
  }
  const int number = raised.error_number.value_or(0);
  if (number > 0 && number < 4096)
    answer.error = number;
  else
    outside_.tell(raised.line);
  if (question.hook == Hook::release) answer.error = 0;
}

void Script::remember(const Question& question, const Answer& answer) {
  auto found = kept_.find(question.path);
  if (found == kept_.end()) {
    if (answer.error != 0) {
      erase(question.path);  // the name of nothing
      return;
    }
    found = kept_.try_emplace(question.path, Kept{.fingerprint = fingerprint_of(question.path)}).first;
  }
  if (changes(question.hook) && !answer.absent) found->second.changed = true;
}

void Script::forget() {
  for (const Forgetting::Path& gone : forgetting_.take()) {
    if (gone.for_sure) {
      forget_below(gone.path);
      continue;
    }
    const auto found = kept_.find(gone.path);
    if (found != kept_.end() && !nodes_.knows(gone.path) && loses_nothing(gone.path, found->second)) erase(gone.path);
  }
}

void Script::forget_below(const std::string& path) {
  const std::string prefix = path + "/";
  std::vector<std::string> below = {path};
  for (const auto& [other, kept] : kept_) {
    if (other.starts_with(prefix)) below.push_back(other);
  }
  for (const std::string& gone : below) erase(gone);
}

bool Script::loses_nothing(const std::string& path, const Kept& kept) {
  if (settings_.forget != Forget::unchanged) return settings_.forget == Forget::all;
  return !kept.changed && fingerprint_of(path) == kept.fingerprint;
}

void Script::erase(const std::string& path) {
  kept_.erase(path);
  const ruby::Ran<> erased =
      engine_.protect([&](mrb_state* mrb) { mrb_hash_delete_key(mrb, pool_, to_ruby(mrb, path)); });
  if (!erased) outside_.tell(erased.error().line);
}

std::uint64_t Script::fingerprint_of(const std::string& path) {
  std::uint64_t hash = 0;
  const ruby::Ran<> read = engine_.protect([&](mrb_state* mrb) {
    const mrb_value object = mrb_hash_get(mrb, pool_, to_ruby(mrb, path));
    if (mrb_type(object) == MRB_TT_OBJECT) mrb_iv_foreach(mrb, object, add_variable, &hash);
  });
  return read ? hash : 0;
}

void Script::Forgetting::add(std::string path, bool for_sure) {
  const std::lock_guard lock(mutex_);
  paths_.push_back({std::move(path), for_sure});
  any_.store(true, std::memory_order_release);
}

std::vector<Script::Forgetting::Path> Script::Forgetting::take() {
  if (!any_.load(std::memory_order_acquire)) return {};
  const std::lock_guard lock(mutex_);
  any_.store(false, std::memory_order_relaxed);
  return std::exchange(paths_, {});
}

}  // namespace fusebox::script
