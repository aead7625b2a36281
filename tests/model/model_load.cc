// Does the same, at random and in several threads, on a mirror and on a plain directory, and compares.
//
//   model_load --mirror DIR --plain DIR --host DIR [--seed N] [--seconds S] [--threads T]
//   model_load --many STAGE --mirror DIR --count N
//
// --host is what the mirror shows; with --mirror, --plain and --host beside each other on one file system and no mirror
// in between, the model tests itself.  To reduce (reduce.py does): --only K performs the operations of thread K's own
// world alone, --ops N as many, --keep FILE only those whose numbers it holds; --compare-every N sees differences
// early.  --continue yes: both directories hold what an earlier run left there.
#include "model_load.h"

#include <fmt/format.h>
#include <grp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "world.h"

namespace fusebox::model {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSharedKey = 1000;

struct Options {
  std::string mirror;
  std::string plain;
  std::string host;
  std::uint64_t seed = 0;
  double seconds = 10;
  unsigned threads = 4;
  std::uint64_t operations = UINT64_MAX;
  std::uint64_t compare_every = 700;  // operations
  std::optional<unsigned> only;
  std::optional<std::set<std::uint64_t>> keep;
  bool continues = false;
  double forget_every = 0;  // seconds: the kernel gives back what it knows of files
  std::string stage;
  unsigned long count = 0;
};

constexpr Traits kSharedTraits{.preallocates = true, .writes_mappings = true, .is_lazy = false, .sets_ids = false};

Traits traits_of(unsigned index) {
  return {.preallocates = index % 2 == 1,
          .writes_mappings = index % 4 >= 2,
          .is_lazy = index % 4 == 3,
          .sets_ids = index % 4 == 1};
}

class Run {
 public:
  explicit Run(const Options& options) : options_(options), end_(Clock::now() + to_duration(options.seconds)) {
    if (!options_.only) {
      shared_ = world("shared", kSharedKey, kSharedTraits);
      wild_ = std::make_unique<Wild>(options_.mirror + "/wild");
    }
  }

  int work() {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < options_.threads; ++i) {
      if (!options_.only || *options_.only == i) threads.emplace_back(&Run::guarded, this, i);
    }
    std::thread forgetting(&Run::forget_now_and_then, this);
    for (std::thread& thread : threads) thread.join();
    stopped_ = true;
    forgetting.join();
    if (!failed_) compare_what_was_shared();
    fmt::print("{} operations, seed {}: {}\n", performed_.load(), options_.seed,
               failed_ ? "they differ" : "all the same");
    return failed_ ? 1 : 0;
  }

 private:
  static Clock::duration to_duration(double seconds) {
    return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }

  std::unique_ptr<World> world(const std::string& name, std::uint64_t key, Traits traits) {
    // One folder in between: a symlink that leads out of a world, by "..", leads to no other one.
    for (const std::string* top : {&options_.mirror, &options_.plain}) ::mkdir((*top + "/" + name).c_str(), 0777);
    const std::string below = "/" + name + "/world";
    return std::make_unique<World>(name, options_.mirror + below, options_.plain + below, options_.host + below,
                                   options_.seed, key, traits, options_.continues);
  }

  void fail(const std::string& what) {
    const std::lock_guard lock(report_);
    failed_ = stopped_ = true;
    fmt::print("{}\n\n", what);
    std::fflush(stdout);
  }

  void guarded(unsigned index) {
    try {
      work_as(index);
    } catch (const std::exception& difference) {
      fail(fmt::format("thread {}: {}", index, difference.what()));
    }
  }

  void work_as(unsigned index) {
    const std::unique_ptr<World> own = world(fmt::format("own{}", index), index, traits_of(index));
    Random random{options_.seed, index, 7777};
    for (std::uint64_t number = 0; number < options_.operations && !stopped_ && Clock::now() < end_; ++number) {
      const std::size_t where = random.below(100);
      if (shared_ != nullptr && where < 20) work_shared();
      if (wild_ != nullptr && where >= 80) wild_->perform(random, index);
      if (!options_.keep || options_.keep->contains(number)) own->perform(number);
      if ((number + 1) % options_.compare_every == 0) own->compare_trees();
      ++performed_;
    }
    if (!stopped_) own->compare_trees();
  }

  void work_shared() {
    const std::lock_guard lock(sharing_);
    if (stopped_) return;
    shared_->perform(shared_number_++);
    if (shared_number_ % options_.compare_every == 0) shared_->compare_trees();
    ++performed_;
  }

  void compare_what_was_shared() {
    if (shared_ == nullptr) return;
    try {
      shared_->compare_trees();
    } catch (const Difference& difference) {
      fail(difference.what());
    }
    sync_files_of(options_.mirror + "/wild");
    const std::string differs =
        difference_of(tree_of(options_.mirror + "/wild", Times::none), tree_of(options_.host + "/wild", Times::none));
    if (!differs.empty()) fail("what the mirror shows is not what is there:\n" + differs);
  }

  void forget_now_and_then() {
    if (options_.forget_every <= 0) return;
    Clock::time_point next = Clock::now() + to_duration(options_.forget_every);
    while (!stopped_) {
      ::usleep(20'000);
      if (Clock::now() < next) continue;
      next = Clock::now() + to_duration(options_.forget_every);
      std::ofstream("/proc/sys/vm/drop_caches") << "2\n";
    }
  }

  const Options& options_;
  const Clock::time_point end_;
  std::unique_ptr<World> shared_;
  std::uint64_t shared_number_ = 0;
  std::mutex sharing_;
  std::unique_ptr<Wild> wild_;
  std::mutex report_;
  std::atomic<std::uint64_t> performed_{0};
  std::atomic<bool> stopped_{false};
  std::atomic<bool> failed_{false};
};

std::set<std::uint64_t> numbers_in(const std::string& path) {
  std::set<std::uint64_t> numbers;
  std::ifstream file(path);
  for (std::uint64_t number = 0; file >> number;) numbers.insert(number);
  return numbers;
}

std::optional<Options> parse(int argc, char** argv) {
  Options options;
  options.seed = static_cast<std::uint64_t>(::time(nullptr)) * 1000 + static_cast<std::uint64_t>(::getpid()) % 1000;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const char* value = argv[i + 1];
    if (name == "--mirror")
      options.mirror = value;
    else if (name == "--plain")
      options.plain = value;
    else if (name == "--host")
      options.host = value;
    else if (name == "--seed")
      options.seed = std::strtoull(value, nullptr, 10);
    else if (name == "--seconds")
      options.seconds = std::strtod(value, nullptr);
    else if (name == "--threads")
      options.threads = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    else if (name == "--ops")
      options.operations = std::strtoull(value, nullptr, 10);
    else if (name == "--compare-every")
      options.compare_every = std::max(std::strtoull(value, nullptr, 10), 1ULL);
    else if (name == "--only")
      options.only = static_cast<unsigned>(std::strtoul(value, nullptr, 10));
    else if (name == "--keep")
      options.keep = numbers_in(value);
    else if (name == "--forget-every")
      options.forget_every = std::strtod(value, nullptr);
    else if (name == "--continue")
      options.continues = std::string_view(value) == "yes";
    else if (name == "--many")
      options.stage = value;
    else if (name == "--count")
      options.count = std::strtoul(value, nullptr, 10);
    else
      return std::nullopt;
  }
  const bool is_whole =
      !options.mirror.empty() && (!options.stage.empty() || (!options.plain.empty() && !options.host.empty()));
  if (argc % 2 == 0 || !is_whole || options.threads == 0 || options.threads > 8) return std::nullopt;
  return options;
}

extern "C" void on_bus_error(int) {
  constexpr char kText[] = "SIGBUS: a page of a mapping could not be had\n";
  (void)!::write(STDOUT_FILENO, kText, sizeof kText - 1);
  ::_exit(1);
}

int run(int argc, char** argv) {
  const std::optional<Options> options = parse(argc, argv);
  if (!options) {
    fmt::print(stderr, "usage: see the top of model_load.cc\n");
    return 2;
  }
  if (!options->stage.empty()) return many_files(options->mirror, options->stage, options->count);
  fmt::print("seed {}\n", options->seed);
  std::fflush(stdout);
  ::umask(022);
  ::setgroups(0, nullptr);
  ::signal(SIGBUS, on_bus_error);
  ::signal(SIGPIPE, SIG_IGN);  // FIFOs that nobody reads
  return Run(*options).work();
}

}  // namespace
}  // namespace fusebox::model

int main(int argc, char** argv) { return fusebox::model::run(argc, argv); }
