// JSON.parse, and strings as JSON; prelude/json.rb has the rest.
#include <mruby.h>
#include <mruby/array.h>
#include <mruby/class.h>
#include <mruby/hash.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "base/utf8.h"
#include "ruby/bind.h"
#include "ruby/modules.h"

namespace fusebox::ruby {
namespace {

using nlohmann::json;

constexpr int kDeepest = 100;  // as in Ruby

// The text's errors by position; deeper nesting than kDeepest ends the parsing before anything recurses.
struct Parsed {
  json value{};
  std::string error{};
};

void parse(std::string_view text, Parsed& into) {
  bool too_deep = false;
  const auto look = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > kDeepest;
    return !too_deep;
  };
  try {
    into.value = json::parse(text, look);
  } catch (const json::exception& error) {
    into.error = error.what();
  }
  if (too_deep) into.error = "nesting of more than " + std::to_string(kDeepest) + " levels";
}

mrb_value to_ruby_value(mrb_state* mrb, const json& value);

mrb_value to_ruby_array(mrb_state* mrb, const json& value) {
  const mrb_value array = mrb_ary_new_capa(mrb, static_cast<mrb_int>(value.size()));
  for (const json& element : value) {
    const int arena = mrb_gc_arena_save(mrb);
    mrb_ary_push(mrb, array, to_ruby_value(mrb, element));
    mrb_gc_arena_restore(mrb, arena);
  }
  return array;
}

mrb_value to_ruby_hash(mrb_state* mrb, const json& value) {
  const mrb_value hash = mrb_hash_new(mrb);
  for (auto member = value.begin(); member != value.end(); ++member) {
    const int arena = mrb_gc_arena_save(mrb);
    const mrb_value key = to_ruby(mrb, member.key());
    mrb_hash_set(mrb, hash, key, to_ruby_value(mrb, member.value()));
    mrb_gc_arena_restore(mrb, arena);
  }
  return hash;
}

mrb_value to_ruby_value(mrb_state* mrb, const json& value) {
  switch (value.type()) {
    case json::value_t::boolean:
      return mrb_bool_value(value.get<bool>());
    case json::value_t::number_integer:
      return mrb_int_value(mrb, value.get<std::int64_t>());
    case json::value_t::number_unsigned: {
      const auto number = value.get<std::uint64_t>();
      if (number <= INT64_MAX) return mrb_int_value(mrb, static_cast<mrb_int>(number));
      return mrb_float_value(mrb, static_cast<mrb_float>(number));
    }
    case json::value_t::number_float:
      return mrb_float_value(mrb, value.get<double>());
    case json::value_t::string:
      return to_ruby(mrb, value.get_ref<const std::string&>());
    case json::value_t::array:
      return to_ruby_array(mrb, value);
    case json::value_t::object:
      return to_ruby_hash(mrb, value);
    default:
      return mrb_nil_value();
  }
}

[[noreturn]] void raise_json(mrb_state* mrb, const char* error, const char* message) {
  raise(mrb, mrb_class_get_under(mrb, mrb_module_get(mrb, "JSON"), error), message);
}

mrb_value json_parse(mrb_state* mrb, mrb_value) {
  mrb_value text;
  mrb_get_args(mrb, "S", &text);
  auto& parsed = owned_by_ruby<Parsed>(mrb);
  parse(view_of(text), parsed);
  if (!parsed.error.empty()) raise_json(mrb, "ParserError", parsed.error.c_str());
  return to_ruby_value(mrb, parsed.value);
}

mrb_value quoted(mrb_state* mrb, mrb_value) {
  mrb_value text;
  mrb_get_args(mrb, "S", &text);
  if (!is_utf8(view_of(text))) raise_json(mrb, "GeneratorError", "a string that is not UTF-8");
  auto& result = owned_by_ruby<std::string>(mrb);
  result = json(view_of(text)).dump();
  return to_ruby(mrb, result);
}

}  // namespace

void define_json(mrb_state* mrb) {
  RClass* const module = mrb_define_module(mrb, "JSON");
  RClass* const error = mrb_define_class_under(mrb, module, "JSONError", mrb->eStandardError_class);
  mrb_define_class_under(mrb, module, "ParserError", error);
  mrb_define_class_under(mrb, module, "GeneratorError", error);
  mrb_define_module_function(mrb, module, "parse", method_of<json_parse>, MRB_ARGS_REQ(1));
  mrb_define_module_function(mrb, fusebox_module(mrb), "json_string", method_of<quoted>, MRB_ARGS_REQ(1));
}

}  // namespace fusebox::ruby
