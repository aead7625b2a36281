// Arbitrary bytes as requests of a kernel: the session neither crashes, hangs, leaks, nor answers what takes no answer.
//
// The input is a sequence of messages, each behind its length (16 bits, little-endian).  The first byte says what kind
// of kernel sends them: bit 0, an INIT came first; bit 1, headers are mended (length, a fresh number, a small node id),
// so that most messages get past the door; bit 2, callers give up before their replies.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "support/fake_kernel.h"
#include "support/memory_tree.h"

namespace fusebox::testing {
namespace {

void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "decode_fuzz: %s\n", what);
  std::abort();
}

Ref<MemoryDirectory> some_tree() {
  auto root = memory_tree(1, std::chrono::seconds(1));
  root->add_file("a", "contents");
  root->add_symlink("link", "a");
  root->add_directory("dir")->add_file("b");
  return root;
}

struct Kind {
  bool initialised;
  bool mended;
  bool impatient;
};

// What the fuzzer would hardly guess.
void mend(Bytes& message, std::uint64_t unique) {
  if (message.size() < sizeof(wire::InHeader)) message.resize(sizeof(wire::InHeader));
  wire::InHeader header{};
  std::memcpy(&header, message.data(), sizeof(header));
  header.len = static_cast<std::uint32_t>(message.size());
  header.unique = unique;
  header.opcode %= wire::kOpcodeCount + 2;
  header.nodeid %= 16;
  header.total_extlen = static_cast<std::uint16_t>(header.total_extlen % ((message.size() - sizeof(header)) / 8 + 1));
  std::memcpy(message.data(), &header, sizeof(header));
}

void play(Kind kind, std::span<const std::uint8_t> input) {
  FakeKernel kernel(some_tree(), {.max_write = 65536});
  if (kind.initialised) require(kernel.init().has_value(), "INIT was refused");
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
  if (!kind.impatient) require(!kind.mended || kernel.door().refused() == 0, "a reply that the kernel would refuse");
}

}  // namespace
}  // namespace fusebox::testing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t kind = data[0];
  fusebox::testing::play({.initialised = (kind & 1) != 0, .mended = (kind & 2) != 0, .impatient = (kind & 4) != 0},
                         std::span(data + 1, size - 1));
  return 0;
}
