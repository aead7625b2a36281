// A script without a mount: its nodes, to be called by the test.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "ruby/engine.h"
#include "script/fuse_module.h"
#include "script/script.h"
#include "script/script_node.h"

namespace fusebox::script {

class Scripted {
 public:
  // `text` defines the class Node.
  explicit Scripted(const std::string& text, Settings settings = {}) : engine_(*ruby::Engine::create({})) {
    ruby::Ran<> ran = engine_->protect([](mrb_state* mrb) { define_fuse(mrb); });
    if (ran) ran = engine_->evaluate(fuse_module());
    if (ran) ran = engine_->evaluate(text, "test.rb");
    if (ran) ran = engine_->evaluate("FUSE.instance_eval { @klass = Node; @args = [] }", "test.rb");
    if (!ran) throw std::runtime_error(ran.error().line);
    if (settings.hook_limit.count() == 0) settings.hook_limit = std::chrono::seconds(60);
    script_ = std::make_unique<Script>(*engine_, settings,
                                       Script::Outside{.tell = [this](const std::string& line) { take(line); },
                                                       .end = [this](int status) { ended = status; }});
    root = root_of(*script_);
  }

  ruby::Engine& engine() { return *engine_; }
  void evaluate(const std::string& text) {
    if (const auto ran = engine_->evaluate(text, "test.rb"); !ran) throw std::runtime_error(ran.error().line);
  }

  std::vector<std::string> told() {
    const std::lock_guard lock(mutex_);
    return std::exchange(told_, {});
  }

  std::optional<int> ended;
  const Request request{};

 private:
  void take(const std::string& line) {
    const std::lock_guard lock(mutex_);
    told_.push_back(line);
  }

  std::mutex mutex_;
  std::vector<std::string> told_;
  const std::unique_ptr<ruby::Engine> engine_;
  std::unique_ptr<Script> script_;

 public:
  Ref<Node> root;  // goes before the script
};

}  // namespace fusebox::script
