// A directory in which every name greets you: `cat mnt/ada` says "Hello, ada!".
#include <chrono>
#include <string>

#include "fusebox/fusebox.h"

using namespace fusebox;

namespace {

constexpr Validity kForever = std::chrono::hours(24);  // nothing here ever changes, so the kernel need not ask again

class Greeting final : public Node {
 public:
  explicit Greeting(Name name) : text_("Hello, " + std::string(name.text()) + "!\n") {}

  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::file(0444, text_.size()); }

  Task<std::size_t> read(const Request&, std::uint64_t offset, std::span<std::byte> into) override {
    co_return copy_from(text_, offset, into);
  }

 private:
  const std::string text_;
};

class Lobby final : public Node {
 public:
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr::directory(0755, kForever); }

  Task<Entry> lookup(const Request& request, Name name) override {
    if (name.text().starts_with('.')) co_return Errno::no_entry;
    const auto greeting = make<Greeting>(name);
    const Attr attr = co_await greeting->getattr(request, nullptr);
    co_return Entry{.node = greeting, .attr = attr, .valid_for = kForever};
  }

  Task<> readdir(const Request&, std::uint64_t, DirSink&) override { co_return {}; }  // all names are too many to list
};

}  // namespace

int main(int argc, char** argv) { return serve(make<Lobby>(), argc, argv); }
