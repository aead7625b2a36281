#include "ruby/engine.h"

#include <mruby/array.h>
#include <mruby/compile.h>
#include <mruby/error.h>
#include <mruby/proc.h>
#include <mruby/variable.h>

#include <cerrno>
#include <cstring>
#include <exception>
#include <fstream>
#include <iterator>
#include <optional>
#include <utility>

#include "ruby/bind.h"
#include "ruby/modules.h"
#include "ruby/prelude.h"

namespace fusebox::ruby {
namespace {

struct Call {
  void (*body)(mrb_state*, void*);
  void* data;
  std::exception_ptr thrown{};
};

mrb_value call_body(mrb_state* mrb, void* opaque) {
  Call& call = *static_cast<Call*>(opaque);
  try {
    call.body(mrb, call.data);
  } catch (...) {
    call.thrown = std::current_exception();
  }
  return mrb_nil_value();
}

// The variables of a file that has ended are on the interpreter's stack, where the next file's will be; what blocks of
// the file still hold of them gets a place of its own.  mruby's own program does so between files
// (tools/mruby/mruby.c).
void keep_variables(mrb_state* mrb) {
  mrb_callinfo* const bottom = mrb->c->cibase;
  REnv* const variables = mrb_vm_ci_env(bottom);
  if (variables == nullptr || mrb->c->ci != bottom || !MRB_ENV_ONSTACK_P(variables)) return;
  const std::size_t bytes = static_cast<std::size_t>(MRB_ENV_LEN(variables)) * sizeof(mrb_value);
  auto* const place = static_cast<mrb_value*>(mrb_malloc(mrb, bytes));
  std::memcpy(place, variables->stack, bytes);
  mrb_vm_ci_env_set(bottom, nullptr);
  variables->stack = place;
  MRB_ENV_CLOSE(variables);
  mrb_write_barrier(mrb, reinterpret_cast<RBasic*>(variables));
}

// The parser, which takes memory of its own, and goes whatever happens.
class Parsed {
 public:
  Parsed(mrb_state* mrb, std::string_view text, const std::string& name) : mrb_(mrb), context_(mrbc_context_new(mrb)) {
    mrbc_filename(mrb, context_, name.c_str());
    context_->capture_errors = TRUE;
    parser_ = mrb_parse_nstring(mrb, text.data(), text.size(), context_);
  }
  ~Parsed() {
    if (parser_ != nullptr) mrb_parser_free(parser_);
    mrbc_context_free(mrb_, context_);
  }
  Parsed(const Parsed&) = delete;
  Parsed& operator=(const Parsed&) = delete;

  std::optional<Raised> error(const std::string& name) const {
    if (parser_ == nullptr) return Raised{.line = name + ": not enough memory to read it", .syntax_error = true};
    if (parser_->nerr == 0) return std::nullopt;
    const mrb_parser_message& first = parser_->error_buffer[0];
    std::string line = name + ":" + std::to_string(first.lineno) + ":" + std::to_string(first.column) + ": " +
                       (first.message != nullptr ? first.message : "syntax error");
    return Raised{.line = printable(line), .syntax_error = true};
  }

  // Runs the code; the parser's memory is given back before.
  void run() {
    mrb_load_exec(mrb_, std::exchange(parser_, nullptr), context_);
    keep_variables(mrb_);
  }

 private:
  mrb_state* const mrb_;
  mrbc_context* const context_;
  mrb_parser_state* parser_ = nullptr;
};

void set_arguments(mrb_state* mrb, const EngineOptions& options) {
  const mrb_value arguments = mrb_ary_new(mrb);
  for (const std::string& argument : options.arguments) mrb_ary_push(mrb, arguments, to_ruby(mrb, argument));
  mrb_define_global_const(mrb, "ARGV", arguments);
  mrb_gv_set(mrb, mrb_intern_cstr(mrb, "$0"), to_ruby(mrb, options.program_name));
}

}  // namespace

Outcome<std::unique_ptr<Engine>> Engine::create(const EngineOptions& options) {
  std::unique_ptr<Engine> engine(new Engine(options.memory_limit));
  engine->mrb_ = mrb_open_allocf(Memory::allocate, &engine->memory_);
  if (engine->mrb_ == nullptr)
    return std::unexpected(Fault{.what = "start Ruby", .why = "not enough memory", .remedy = {}});
  engine->mrb_->ud = engine.get();
  if (const Ran<> ready = engine->set_up(options); !ready) {
    return std::unexpected(Fault{.what = "start Ruby", .why = ready.error().line, .remedy = {}});
  }
  return engine;
}

Engine::~Engine() {
  if (mrb_ != nullptr) mrb_close(mrb_);
}

Ran<> Engine::set_up(const EngineOptions& options) {
  const Ran<> defined = protect([&options](mrb_state* mrb) {
    set_arguments(mrb, options);
    define_system_errors(mrb);
    define_environment(mrb);
    define_process(mrb);
    define_system(mrb);
    define_json(mrb);
    define_curl(mrb);
  });
  if (!defined) return defined;
  for (const EmbeddedText& file : prelude()) {
    if (const Ran<> ran = evaluate(file); !ran) return ran;
  }
  return {};
}

Ran<> Engine::load(const std::string& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  if (!file) return std::unexpected(Raised{.line = fault_with_errno("read " + path).line()});
  return evaluate(text, path);
}

Ran<> Engine::evaluate(std::string_view text, const std::string& name) {
  Parsed parsed(mrb_, text, name);
  if (std::optional<Raised> error = parsed.error(name)) return std::unexpected(*std::move(error));
  return protect([&parsed](mrb_state* mrb) {
    parsed.run();
    if (mrb->exc != nullptr) mrb_exc_raise(mrb, mrb_obj_value(std::exchange(mrb->exc, nullptr)));
  });
}

Ran<> Engine::protect_call(void (*body)(mrb_state*, void*), void* data) {
  Call call{body, data};
  const int arena = mrb_gc_arena_save(mrb_);
  mrb_bool failed = FALSE;
  const mrb_value result = mrb_protect_error(mrb_, call_body, &call, &failed);
  std::optional<Raised> raised;
  if (failed) raised = raised_by(result);
  mrb_gc_arena_restore(mrb_, arena);
  if (call.thrown) std::rethrow_exception(call.thrown);
  if (raised) return std::unexpected(*std::move(raised));
  return {};
}

Raised Engine::raised_by(mrb_value exception) {
  struct Told {
    mrb_value exception;
    Raised raised{};
  } told{exception};
  Call call{[](mrb_state* mrb, void* opaque) {
              Told& self = *static_cast<Told*>(opaque);
              describe(mrb, self.exception, self.raised);
            },
            &told};
  mrb_bool failed = FALSE;
  mrb_protect_error(mrb_, call_body, &call, &failed);
  if (failed || call.thrown) told.raised.line += "(an exception that cannot say what it is)";
  return std::move(told.raised);
}

}  // namespace fusebox::ruby
