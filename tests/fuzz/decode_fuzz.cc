// Arbitrary bytes as requests of a kernel: the session neither crashes, hangs, leaks, nor answers what takes no answer.
//
// The input is a sequence of messages, each behind its length (16 bits, little-endian).  The first byte says what kind
// of kernel sends them: bit 0, an INIT came first; bit 1, headers are mended (length, a fresh number, a small node id),
// so that most messages get past the door; bit 2, callers give up before their replies; bit 3, nothing is opened, so
// that all reaches the nodes themselves; bit 4, the server waits for what the kernel's page cache holds.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "support/fake_kernel.h"
#include "support/gadget.h"
#include "support/memory_tree.h"
#include "support/running.h"

namespace fusebox::testing {
namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "decode_fuzz: %s\n", what);
  std::abort();
}

// A directory in which "gadget" has locks, ioctl and poll, and which looks at what comes with the making of something.
class Root final : public Node {
 public:
  explicit Root(Ref<MemoryDirectory> inner) : inner_(std::move(inner)) {}

  std::optional<Identity> identity() const override { return inner_->identity(); }
  Task<Attr> getattr(const Request& request, Ref<Handle> open) override { return inner_->getattr(request, open); }
  Task<Entry> lookup(const Request& request, Name name) override {
    if (name.text() == "gadget") return gadget();
    return inner_->lookup(request, name);
  }
  Task<Opened> opendir(const Request& request) override { return inner_->opendir(request); }
  Task<Created> create(const Request& request, Name name, NewMode mode, int flags) override {
    look_at(request);
    return inner_->create(request, name, mode, flags);
  }
  Task<Entry> mkdir(const Request& request, Name name, NewMode mode) override {
    look_at(request);
    return inner_->mkdir(request, name, mode);
  }
  Task<> syncfs(const Request&) override { co_return {}; }
  Task<> setlk(const Request& request, LockOwner owner, FileLock lock, LockWait wait) override {
    return gadget_->setlk(request, owner, lock, wait);
  }
  Task<> flock(const Request& request, LockOwner owner, LockType type, LockWait wait) override {
    return gadget_->flock(request, owner, type, wait);
  }
  Task<std::optional<FileLock>> getlk(const Request& request, LockOwner owner, FileLock wanted) override {
    return gadget_->getlk(request, owner, wanted);
  }
  Task<IoctlReply> ioctl(const Request& request, unsigned command, std::uint64_t argument,
                         std::span<const std::byte> in, std::span<std::byte> out) override {
    return gadget_->ioctl(request, command, argument, in, out);
  }
  Task<unsigned> poll(const Request& request, unsigned events, std::optional<PollHandle> tell) override {
    return gadget_->poll(request, events, tell);
  }

 private:
  Task<Entry> gadget() { co_return Entry{.node = gadget_, .attr = Attr::file(0644, 8192)}; }

  // Each byte of them is there.
  static void look_at(const Request& request) {
    std::size_t sum = 0;
    for (const SecurityContext& context : request.security_contexts) {
      require(context.name.data()[context.name.size()] == '\0', "a context's name without its end");
      for (const std::byte byte : context.value) sum += std::to_integer<std::size_t>(byte);
    }
    for (const gid_t group : request.supplementary_groups) sum += group;
    require(sum < std::size_t{1} << 48, "more than a message holds");
  }

  Ref<MemoryDirectory> inner_;
  Ref<Gadget> gadget_ = make<Gadget>();
};

Ref<Node> some_tree() {
  auto root = memory_tree(1, std::chrono::seconds(1));
  root->add_file("a", "contents");
  root->add_symlink("link", "a");
  root->add_directory("dir")->add_file("b");
  return make<Root>(std::move(root));
}

struct Kind {
  bool initialised;
  bool mended;
  bool impatient;
  bool unopened;
  bool retrieving;
};

// What the fuzzer would hardly guess.
void mend(Bytes& message, std::uint64_t unique) {
  if (message.size() < sizeof(wire::InHeader)) message.resize(sizeof(wire::InHeader));
  wire::InHeader header{};
  std::memcpy(&header, message.data(), sizeof(header));
  header.len = static_cast<std::uint32_t>(message.size());
  header.opcode %= wire::kOpcodeCount + 2;
  // The kernel's answers have the numbers of the server's questions, of which there is one.
  const bool is_answer = header.opcode == static_cast<std::uint32_t>(wire::Opcode::notify_reply);
  header.unique = is_answer ? header.unique % 4 : unique;
  header.nodeid %= 16;
  header.total_extlen = static_cast<std::uint16_t>(header.total_extlen % ((message.size() - sizeof(header)) / 8 + 1));
  std::memcpy(message.data(), &header, sizeof(header));
}

void play(Kind kind, std::span<const std::uint8_t> input) {
  const Ref<Node> root = some_tree();
  FakeKernel kernel(root, {.locks = true,
                           .opens_files = !kind.unopened,
                           .opens_directories = !kind.unopened,
                           .creation_context = true,
                           .max_write = 65536});
  if (kind.initialised) require(kernel.init().has_value(), "INIT was refused");
  std::optional<Running<std::string>> retrieved;
  if (kind.retrieving) retrieved.emplace(kernel.session().notifier().retrieve(root, 0, 1'000));
  std::uint64_t unique = 1'000;
  while (input.size() >= 2) {
    const std::size_t length = std::min(input[0] + std::size_t{256} * input[1], input.size() - 2);
    const auto bytes = std::as_bytes(input.subspan(2, length));
    input = input.subspan(2 + length);
    Bytes message(bytes.begin(), bytes.end());
    unique += 2;
    if (kind.mended) mend(message, unique);
    kernel.door().enqueue(std::move(message));
    if (kind.impatient) kernel.door().abandon(unique);
    const bool goes_on = kernel.session().serve_one(kernel.door());
    require(goes_on || !kind.mended, "a whole request ended the session");
    if (!goes_on) break;
    if (kind.mended && kind.impatient) require(!kernel.raw_reply(unique), "a reply reached nobody");
  }
  if (retrieved) {
    const bool answered = retrieved->ended();
    kernel.end_session();
    require(retrieved->wait().has_value() == answered, "an end without an answer, or an answer after it");
  }
  if (!kind.impatient) require(!kind.mended || kernel.door().refused() == 0, "a reply that the kernel would refuse");
}

}  // namespace
}  // namespace fusebox::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t kind = data[0];
  fusebox::testing::play({.initialised = (kind & 1) != 0,
                          .mended = (kind & 2) != 0,
                          .impatient = (kind & 4) != 0,
                          .unopened = (kind & 8) != 0,
                          .retrieving = (kind & 16) != 0},
                         std::span(data + 1, size - 1));
  return 0;
}
