// What Ruby expressions give, as text.
#pragma once

#include <mruby.h>
#include <mruby/string.h>
#include <mruby/variable.h>

#include <memory>
#include <string>

#include "ruby/bind.h"
#include "ruby/engine.h"

namespace fusebox::ruby {

inline std::unique_ptr<Engine> engine_with(const EngineOptions& options = {}) { return *Engine::create(options); }

// Its to_s, or the line of what it raised.
inline std::string result_of(Engine& engine, const std::string& code) {
  const Ran<> ran = engine.evaluate("$result = (" + code + ").to_s", "test.rb");
  if (!ran) return ran.error().line;
  std::string result;
  const Ran<> read = engine.protect([&result](mrb_state* mrb) {
    const mrb_value value = mrb_gv_get(mrb, mrb_intern_cstr(mrb, "$result"));
    result = view_of(value);
  });
  return read ? result : read.error().line;
}

inline std::string result_of(const std::string& code) { return result_of(*engine_with(), code); }

}  // namespace fusebox::ruby
