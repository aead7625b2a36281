// A file that takes its time: each read waits a second, and holds up no other.
//
// The handler that waits gives its thread back, so one thread serves any number of readers; and a reader who gives up
// (Ctrl-C) gives up alone: sleep_for() ends with EINTR, which ends the handler.
#include <dirent.h>

#include <chrono>

#include "fusebox/fusebox.h"

using namespace fusebox;
using namespace std::chrono_literals;

namespace {

constexpr std::string_view kText = "worth waiting for\n";

class Slow final : public Node {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::file(0444, kText.size()); }

  // Past the page cache, where all readers of a page would wait for one request.
  Task<Opened> open(const Request&, int) override { co_return Opened{.path = DataPath::direct}; }

  Task<std::size_t> read(const Request& request, std::uint64_t offset, std::span<std::byte> into) override {
    if (offset < kText.size()) co_await sleep_for(request, 1s);
    co_return copy_from(kText, offset, into);
  }
};

class Folder final : public Node {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755); }

  Task<Entry> lookup(const Request& request, Name name) override {
    if (name.text() != "slow") co_return Errno::no_entry;
    const Attr attr = co_await slow_->getattr(request, nullptr);
    co_return Entry{.node = slow_, .attr = attr};
  }

  Task<> readdir(const Request&, std::uint64_t offset, DirSink& sink) override {
    if (offset == 0) sink.add("slow", 0, DT_REG, 1);
    co_return {};
  }

 private:
  const Ref<Slow> slow_ = make<Slow>();
};

}  // namespace

int main(int argc, char** argv) { return serve(make<Folder>(), argc, argv); }
