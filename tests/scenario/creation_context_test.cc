// What comes behind the arguments of requests that make something: security contexts, and supplementary groups.
#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include <string>

#include "support/fake_kernel.h"

namespace fusebox::testing {
namespace {

using wire::Opcode;

// Writes down what it is told besides, and makes nothing.
struct Listener final : Node {
  Task<Entry> mkdir(const Request& request, Name, NewMode) override {
    heard = "heard";
    for (const SecurityContext& context : request.security_contexts) {
      heard += fmt::format(" {}:{}", context.name, context.value.size());
    }
    if (!request.supplementary_groups.empty()) {
      heard += fmt::format(" groups {}", fmt::join(request.supplementary_groups, ","));
    }
    co_return Errno::read_only;
  }

  std::string heard;
};

class CreationContext : public ::testing::Test {
 protected:
  // What the node hears of extensions, given as hexadecimal digits.
  std::string heard_of(std::string_view extensions) {
    node_->heard.clear();
    const auto reply = kernel_.call(RequestBytes(Opcode::mkdir, kRoot)
                                        .put(wire::MkdirIn{.mode = 0755, .umask = 022})
                                        .put_string("dir")
                                        .extend(from_hex(extensions)));
    EXPECT_EQ(reply, fail(Errno::read_only));
    return node_->heard;
  }

  Ref<Listener> node_ = make<Listener>();
  FakeKernel kernel_{node_, {.creation_context = true}};
};

constexpr std::string_view kGroups = "18000000 20000000 03000000 01000000 02000000 03000000 ";
constexpr std::string_view kContext = "18000000 01000000 02000000 00000000 612e6200 7879 0000 ";  // a.b, of two bytes

TEST_F(CreationContext, IsHeard) {
  EXPECT_EQ(heard_of(""), "heard");
  EXPECT_EQ(heard_of(kGroups), "heard groups 1,2,3");
  EXPECT_EQ(heard_of(kContext), "heard a.b:2");
  EXPECT_EQ(heard_of(fmt::format("{}{}", kContext, kGroups)), "heard a.b:2 groups 1,2,3");
  EXPECT_EQ(heard_of(fmt::format("{}{}", kGroups, kContext)), "heard a.b:2 groups 1,2,3");
}

TEST_F(CreationContext, MayHaveSeveralContextsOrNone) {
  EXPECT_EQ(heard_of("08000000 00000000"), "heard");
  EXPECT_EQ(heard_of("28000000 02000000 02000000 00000000 612e6200 7879 0000 00000000 00000000 632e6400 00000000"),
            "heard a.b:2 c.d:0");
}

TEST_F(CreationContext, OfUnknownKindsIsPassedOver) {
  EXPECT_EQ(heard_of(fmt::format("10000000 21000000 ffffffff ffffffff {}", kGroups)), "heard groups 1,2,3");
  EXPECT_EQ(heard_of(fmt::format("08000000 ffffffff {}", kContext)), "heard a.b:2");
}

// From the first malformed block on nothing is taken; what comes before it counts, and the request goes on.
TEST_F(CreationContext, ThatIsMalformedIsLeftAside) {
  for (const std::string_view malformed : {
           "00000000 20000000 01000000 05000000",                    // no size
           "07000000 20000000 01000000 05000000",                    // less than its own head
           "18000000 20000000 01000000 05000000",                    // beyond the end
           "ffffffff 20000000 01000000 05000000",                    // far beyond it
           "08000000 20000000",                                      // groups without a count
           "10000000 20000000 02000000 05000000",                    // more groups than there is room for
           "10000000 20000000 ffffffff 05000000",                    // the most of them
           "08000000 01000000",                                      // a context that is not there
           "10000000 01000000 02000000 00000000",                    // a context without a name
           "18000000 01000000 02000000 00000000 61616161 61616161",  // a name without its NUL
           "18000000 01000000 ffffffff 00000000 612e6200 78790000",  // a value beyond the end
           "18000000 01000000 05000000 00000000 612e6200 78797a7a",  // a value one byte beyond it
           "18000000 02000000 02000000 00000000 612e6200 78790000",  // fewer contexts than promised
           "18000000 1f000000 02000000 00000000 612e6200 78790000",  // far fewer
       }) {
    EXPECT_EQ(heard_of(malformed), "heard") << malformed;
    EXPECT_EQ(heard_of(fmt::format("{}{}", malformed, kGroups)).find("1,2,3"), std::string::npos) << malformed;
    const std::string heard = heard_of(fmt::format("{}{}", kGroups, malformed));
    EXPECT_EQ(heard, "heard groups 1,2,3") << malformed;
  }
}

TEST_F(CreationContext, OfEveryLengthIsSurvived) {
  const Bytes whole = from_hex(fmt::format("{}{}", kContext, kGroups));
  for (std::size_t words = 0; words <= whole.size() / 8; ++words) {
    const auto cut = std::span(whole).first(words * 8);
    EXPECT_TRUE(heard_of(to_hex(cut)).starts_with("heard")) << words;
  }
}

TEST_F(CreationContext, IsAskedForOnlyWhereItIsWanted) {
  constexpr std::uint32_t kBoth =
      static_cast<std::uint32_t>((wire::kSecurityContext | wire::kCreateSupplementaryGroup) >> 32);
  EXPECT_EQ(kernel_.init()->flags2 & kBoth, kBoth);
  EXPECT_EQ(FakeKernel(node_).init()->flags2 & kBoth, 0u);
}

}  // namespace
}  // namespace fusebox::testing
