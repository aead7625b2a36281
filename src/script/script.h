// A script that serves a file system: its objects, one for each path, and the way to their hooks.
#pragma once

#include <mruby.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "fusebox/notifier.h"
#include "fusebox/task.h"
#include "ruby/engine.h"
#include "script/hooks.h"
#include "script/lane.h"
#include "script/node_table.h"
#include "script/settings.h"
#include "script/values.h"

namespace fusebox::script {

class Script {
 public:
  // Both are called on any thread: `tell` with a line for people, `end` when a hook called exit.
  struct Outside {
    std::function<void(const std::string& line)> tell;
    std::function<void(int status)> end;
    bool debug = false;  // tell of every hook
  };

  // To be made on the thread that is in the interpreter, inside of a protected call, once FUSE.klass is set.
  Script(ruby::Engine& engine, Settings settings, Outside outside);

  // Fails with the errno that the caller of the operation gets; an absent hook is no failure.
  Task<Answer> ask(Question question);

  // As ask(), for what a file system cannot do without: an absent hook is EIO, and a line.
  Task<Answer> ask_needed(Question question);

  // For nobody: on_release.
  void ask_aside(Question question);

  const Settings& settings() const { return settings_; }
  NodeTable& nodes() { return nodes_; }

  // Objects of these paths are dropped, and made afresh when they are next asked: the path, and all below it.
  void drop(std::string path) { forgetting_.add(std::move(path), true); }

  // False: a hook is running still, and nothing of Ruby may be touched any more.
  bool close(std::chrono::nanoseconds patience) { return lane_.close(patience); }

 private:
  class HookCall;

  // Paths whose objects may go, told by any thread and dealt with on the lane.
  class Forgetting {
   public:
    struct Path {
      std::string path;
      bool for_sure;  // with all below it; else only if nothing is lost
    };
    void add(std::string path, bool for_sure);
    std::vector<Path> take();

   private:
    std::atomic<bool> any_{false};
    std::mutex mutex_;
    std::vector<Path> paths_;
  };

  // What is known of the object of a path that exists: one whose first hook succeeded.
  struct Kept {
    std::uint64_t fingerprint = 0;  // of its instance variables after its first hook
    bool changed = false;           // it was asked to change
  };

  // All below run on the lane.
  void answer(const Question& question, Answer& answer);
  void call_hook(mrb_state* mrb, const Question& question, Answer& answer, std::string& complaint);
  mrb_value object_of(mrb_state* mrb, const std::string& path);
  void take_error(const Question& question, const ruby::Raised& raised, Answer& answer);
  void remember(const Question& question, const Answer& answer);
  void forget();
  void forget_below(const std::string& path);
  bool loses_nothing(const std::string& path, const Kept& kept);
  void erase(const std::string& path);
  std::uint64_t fingerprint_of(const std::string& path);

  ruby::Engine& engine_;
  const Settings settings_;
  const Outside outside_;
  std::array<mrb_sym, kHookNames.size()> symbols_{};
  FieldNames field_names_{};
  mrb_value fuse_{};  // the module
  mrb_value pool_{};  // FUSE.pool
  Forgetting forgetting_;
  std::unordered_map<std::string, Kept> kept_;
  NodeTable nodes_;
  Lane lane_;  // last: its threads end first
};

}  // namespace fusebox::script
