// A Ruby interpreter (mruby) with our library in it, kept apart from the C++ around it: its exceptions come out as
// values (Raised), and it has so much memory and no more.
//
// One thread at a time, not always the same; the caller sees to that.  A method may be called, from another thread,
// while a function of our own that a script called is waiting: it runs above it on the interpreter's stack.
#pragma once

#include <mruby.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/embedded.h"
#include "fusebox/fault.h"
#include "ruby/memory.h"
#include "ruby/raised.h"

namespace fusebox::ruby {

struct EngineOptions {
  std::size_t memory_limit = std::size_t{512} << 20;  // bytes; 0: none
  std::string program_name{};                         // $0
  std::vector<std::string> arguments{};               // ARGV
};

class Engine {
 public:
  static Outcome<std::unique_ptr<Engine>> create(const EngineOptions& options);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  // The engine of an interpreter: for methods, which get no more than that.
  static Engine& of(mrb_state* mrb) { return *static_cast<Engine*>(mrb->ud); }

  mrb_state* state() { return mrb_; }
  const Memory& memory() const { return memory_; }

  // Runs a file, or a text, which messages call `name`.  Raised::exit_status is set where the script called exit.
  Ran<> load(const std::string& path);
  Ran<> evaluate(std::string_view text, const std::string& name);
  Ran<> evaluate(const EmbeddedText& file) { return evaluate(file.text, std::string(file.name)); }

  // Calls `body(mrb)`, in which Ruby may raise.  It must hold no object with a destructor while it calls mruby, and put
  // what it finds out into variables outside of it: what is left of Ruby values is garbage afterwards, unless
  // mrb_gc_register() keeps it.  C++ exceptions come through.
  template <class F>
  Ran<> protect(F&& body) {
    return protect_call([](mrb_state* mrb, void* f) { (*static_cast<std::remove_reference_t<F>*>(f))(mrb); }, &body);
  }

  // Kernel#fork and #exec raise from now on: a process with threads cannot be forked and go on in Ruby.
  void forbid_fork() { may_fork_ = false; }
  bool may_fork() const { return may_fork_; }

 private:
  explicit Engine(std::size_t memory_limit) : memory_(memory_limit) {}

  Ran<> protect_call(void (*body)(mrb_state*, void*), void* data);
  Raised raised_by(mrb_value exception);
  Ran<> set_up(const EngineOptions& options);

  Memory memory_;
  mrb_state* mrb_ = nullptr;
  bool may_fork_ = true;
};

}  // namespace fusebox::ruby
