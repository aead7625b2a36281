#include "tree/inode_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace fusebox::tree {
namespace {

// A node that knows its identity, if it has one, and writes down where it was located.
class PlacedNode final : public Node {
 public:
  explicit PlacedNode(std::optional<Identity> identity = std::nullopt) : identity_(identity) {}

  std::optional<Identity> identity() const override { return identity_; }
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr{}; }
  void located(const Ref<Node>& parent, std::string_view name) override {
    const std::lock_guard lock(mutex_);
    parent_ = parent.get();
    name_ = name;
    ++times_;
  }

  const Node* parent() const { return parent_; }
  std::string name() const { return name_; }
  int times() const { return times_; }

 private:
  const std::optional<Identity> identity_;
  std::mutex mutex_;
  const Node* parent_ = nullptr;
  std::string name_;
  int times_ = 0;
};

Ref<PlacedNode> inode(std::uint64_t number, std::uint64_t generation = 0, std::uint64_t device = 1) {
  return make<PlacedNode>(Identity{.device = device, .inode = number, .generation = generation});
}

class InodeTableTest : public ::testing::Test {
 protected:
  Ref<PlacedNode> root_ = inode(1);
  InodeTable table_{root_};
};

TEST_F(InodeTableTest, TheRootIsAlwaysKnown) {
  EXPECT_EQ(table_.find(kRoot), root_);
  EXPECT_EQ(table_.size(), 1u);
  table_.forget(kRoot, 1'000);
  EXPECT_EQ(table_.find(kRoot), root_);
}

TEST_F(InodeTableTest, ALookupMakesANodeKnown) {
  const auto node = inode(2);
  const auto [id, known] = table_.enter(kRoot, "a", node);
  EXPECT_NE(id, kRoot);
  EXPECT_EQ(known, node);
  EXPECT_EQ(table_.find(id), node);
  EXPECT_EQ(table_.find(kRoot, "a"), node);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(InodeTableTest, EqualIdentitiesAreOneInode) {
  const auto first = inode(2);
  const auto [id, known] = table_.enter(kRoot, "a", first);
  const auto [again, still] = table_.enter(kRoot, "hard link", inode(2));
  EXPECT_EQ(again, id);
  EXPECT_EQ(still, first);
  EXPECT_EQ(table_.find(kRoot, "hard link"), first);
  EXPECT_EQ(table_.size(), 2u);
}

TEST_F(InodeTableTest, DevicesAndGenerationsTellInodesApart) {
  const NodeId id = table_.enter(kRoot, "a", inode(2)).id;
  EXPECT_NE(table_.enter(kRoot, "b", inode(2, 1)).id, id);
  EXPECT_NE(table_.enter(kRoot, "c", inode(2, 0, 2)).id, id);
  EXPECT_EQ(table_.size(), 4u);
}

TEST_F(InodeTableTest, FindingTheRootAgainGivesTheRoot) {
  const auto [id, node] = table_.enter(kRoot, "loop", inode(1));
  EXPECT_EQ(id, kRoot);
  EXPECT_EQ(node, root_);
  table_.forget(id, 1);
  EXPECT_EQ(table_.find(kRoot), root_);
}

TEST_F(InodeTableTest, ANodeWithoutIdentityIsOnlyItself) {
  const auto node = make<PlacedNode>();
  const NodeId id = table_.enter(kRoot, "a", node).id;
  EXPECT_EQ(table_.enter(kRoot, "b", node).id, id);
  EXPECT_NE(table_.enter(kRoot, "c", make<PlacedNode>()).id, id);
  table_.forget(id, 2);
  EXPECT_EQ(table_.find(id), nullptr);
}

TEST_F(InodeTableTest, GoesWhenEveryLookupIsGivenBack) {
  auto node = inode(2);
  const std::weak_ptr<Node> watch = node;
  const NodeId id = table_.enter(kRoot, "a", node).id;
  table_.enter(kRoot, "a", node);
  table_.enter(kRoot, "b", node);
  node.reset();
  table_.forget(id, 2);
  EXPECT_FALSE(watch.expired());
  table_.forget(id, 1);
  EXPECT_TRUE(watch.expired());
  EXPECT_EQ(table_.find(id), nullptr);
  EXPECT_EQ(table_.find(kRoot, "a"), nullptr);
  EXPECT_EQ(table_.find(kRoot, "b"), nullptr);
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(InodeTableTest, ForgettingTooMuchOrTheUnknownIsHarmless) {
  const NodeId id = table_.enter(kRoot, "a", inode(2)).id;
  table_.forget(id, ~0ull);
  table_.forget(id, 1);
  table_.forget(NodeId{0}, 1);
  table_.forget(NodeId{12345}, 1);
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(InodeTableTest, IdsAreNeverReused) {
  std::set<NodeId> seen{NodeId{0}, kRoot};
  for (int i = 0; i < 1'000; ++i) {
    const NodeId id = table_.enter(kRoot, "a", inode(2)).id;
    EXPECT_TRUE(seen.insert(id).second);
    table_.forget(id, 1);
  }
}

TEST_F(InodeTableTest, ANodeIsToldWhereItWasFoundLast) {
  const auto directory = inode(2);
  const auto file = inode(3);
  const NodeId directory_id = table_.enter(kRoot, "dir", directory).id;
  EXPECT_EQ(directory->parent(), root_.get());
  EXPECT_EQ(directory->name(), "dir");
  table_.enter(directory_id, "file", file);
  EXPECT_EQ(file->parent(), directory.get());
  table_.enter(kRoot, "link", inode(3));
  EXPECT_EQ(file->parent(), root_.get());
  EXPECT_EQ(file->name(), "link");
  EXPECT_EQ(file->times(), 2);
}

TEST_F(InodeTableTest, ANodeFoundWithoutANameHasNoPlace) {
  const auto node = inode(2);
  const NodeId id = table_.enter(kRoot, "", node).id;
  EXPECT_EQ(table_.find(id), node);
  EXPECT_EQ(node->times(), 0);
  EXPECT_EQ(table_.find(kRoot, ""), nullptr);
}

TEST_F(InodeTableTest, ARemovedNameIsFreeForAnother) {
  const auto old = inode(2);
  const NodeId id = table_.enter(kRoot, "a", old).id;
  table_.removed(kRoot, "a");
  EXPECT_EQ(table_.find(kRoot, "a"), nullptr);
  EXPECT_EQ(table_.find(id), old);
  const auto fresh = inode(3);
  table_.enter(kRoot, "a", fresh);
  table_.forget(id, 1);
  EXPECT_EQ(table_.find(kRoot, "a"), fresh);
}

TEST_F(InodeTableTest, ANameThatChangedHandsBehindOurBackBelongsToTheNewcomer) {
  const NodeId old = table_.enter(kRoot, "a", inode(2)).id;
  const auto fresh = inode(3);
  const NodeId id = table_.enter(kRoot, "a", fresh).id;
  table_.forget(old, 1);
  EXPECT_EQ(table_.find(kRoot, "a"), fresh);
  table_.forget(id, 1);
  EXPECT_EQ(table_.find(kRoot, "a"), nullptr);
}

TEST_F(InodeTableTest, ANameThatComesBackToItsFirstOwnerStaysWithIt) {
  const auto first = inode(2);
  const NodeId first_id = table_.enter(kRoot, "a", first).id;
  const NodeId second_id = table_.enter(kRoot, "a", inode(3)).id;
  table_.enter(kRoot, "a", first);
  table_.forget(second_id, 1);
  EXPECT_EQ(table_.find(kRoot, "a"), first);
  table_.forget(first_id, 2);
  EXPECT_EQ(table_.find(kRoot, "a"), nullptr);
}

TEST_F(InodeTableTest, ARenamedNodeIsFoundAndToldUnderItsNewName) {
  const auto directory = inode(2);
  const auto file = inode(3);
  const NodeId directory_id = table_.enter(kRoot, "dir", directory).id;
  table_.enter(kRoot, "old", file);
  table_.renamed(kRoot, "old", directory_id, "new", false);
  EXPECT_EQ(table_.find(kRoot, "old"), nullptr);
  EXPECT_EQ(table_.find(directory_id, "new"), file);
  EXPECT_EQ(file->parent(), directory.get());
  EXPECT_EQ(file->name(), "new");
}

TEST_F(InodeTableTest, ARenameReplacesWhatHadTheNewName) {
  const auto winner = inode(2);
  const NodeId loser = table_.enter(kRoot, "b", inode(3)).id;
  table_.enter(kRoot, "a", winner);
  table_.renamed(kRoot, "a", kRoot, "b", false);
  EXPECT_EQ(table_.find(kRoot, "b"), winner);
  table_.forget(loser, 1);
  EXPECT_EQ(table_.find(kRoot, "b"), winner);
}

TEST_F(InodeTableTest, AnExchangeSwapsTheNames) {
  const auto one = inode(2);
  const auto other = inode(3);
  table_.enter(kRoot, "one", one);
  table_.enter(kRoot, "other", other);
  table_.renamed(kRoot, "one", kRoot, "other", true);
  EXPECT_EQ(table_.find(kRoot, "other"), one);
  EXPECT_EQ(table_.find(kRoot, "one"), other);
  EXPECT_EQ(one->name(), "other");
  EXPECT_EQ(other->name(), "one");
}

TEST_F(InodeTableTest, AnExchangeWithAnUnknownNodeMovesTheKnownOne) {
  const auto one = inode(2);
  table_.enter(kRoot, "one", one);
  table_.renamed(kRoot, "one", kRoot, "unknown", true);
  EXPECT_EQ(table_.find(kRoot, "unknown"), one);
  EXPECT_EQ(table_.find(kRoot, "one"), nullptr);
  table_.renamed(kRoot, "one", kRoot, "unknown", true);
  EXPECT_EQ(table_.find(kRoot, "one"), one);
}

TEST_F(InodeTableTest, ARenameOfUnknownNodesIsHarmless) {
  table_.renamed(kRoot, "a", kRoot, "b", false);
  table_.renamed(NodeId{99}, "a", NodeId{98}, "b", true);
  table_.removed(NodeId{99}, "a");
  EXPECT_EQ(table_.size(), 1u);
}

TEST_F(InodeTableTest, TheOtherNamesOfAHardLinkSurviveARename) {
  const auto node = inode(2);
  const NodeId id = table_.enter(kRoot, "a", node).id;
  table_.enter(kRoot, "b", node);
  table_.renamed(kRoot, "a", kRoot, "c", false);
  EXPECT_EQ(table_.find(kRoot, "b"), node);
  EXPECT_EQ(table_.find(kRoot, "c"), node);
  table_.forget(id, 2);
  EXPECT_EQ(table_.find(kRoot, "b"), nullptr);
  EXPECT_EQ(table_.find(kRoot, "c"), nullptr);
}

// Tells a lookup table that it dies, and looks around in it while it does.
class InquisitiveNode final : public Node {
 public:
  explicit InquisitiveNode(const InodeTable& table) : table_(table) {}
  ~InquisitiveNode() override { EXPECT_EQ(table_.find(kRoot, "a"), nullptr); }
  Task<Attr> getattr(const Request&, Ref<Handle>) override { co_return Attr{}; }
  void located(const Ref<Node>&, std::string_view name) override { EXPECT_NE(table_.find(kRoot, name), nullptr); }

 private:
  const InodeTable& table_;
};

TEST_F(InodeTableTest, NodesAreToldAndDieWhileNoLockIsHeld) {
  const NodeId id = table_.enter(kRoot, "a", make<InquisitiveNode>(table_)).id;
  table_.forget(id, 1);
}

TEST_F(InodeTableTest, AForgetThatRacesWithLookupsNeverGivesADyingId) {
  constexpr int kRounds = 5'000;
  std::atomic<int> misses{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([this, &misses] {
        for (int i = 0; i < kRounds; ++i) {
          const auto [id, node] = table_.enter(kRoot, "a", inode(2));
          if (table_.find(id) != node) ++misses;  // known for as long as we hold the lookup
          table_.forget(id, 1);
        }
      });
    }
  }
  EXPECT_EQ(misses, 0);
  EXPECT_EQ(table_.size(), 1u);
  EXPECT_EQ(table_.find(kRoot, "a"), nullptr);
}

TEST_F(InodeTableTest, ManyThreadsMayLookUpRenameRemoveAndForget) {
  {
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < 4; ++t) {
      threads.emplace_back([this, t] {
        for (std::uint64_t i = 0; i < 2'000; ++i) {
          const std::string name = std::to_string((i + t) % 7);
          const std::string other = std::to_string((i * t) % 5);
          const NodeId id = table_.enter(kRoot, name, inode(10 + i % 11)).id;
          table_.renamed(kRoot, name, kRoot, other, i % 3 == 0);
          if (const Ref<Node> found = table_.find(kRoot, other)) EXPECT_TRUE(found->identity());
          if (i % 5 == 0) table_.removed(kRoot, other);
          table_.forget(id, 1);
        }
      });
    }
  }
  EXPECT_EQ(table_.size(), 1u);
}

}  // namespace
}  // namespace fusebox::tree
