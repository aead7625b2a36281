#include "policy/explain.h"

#include "testing.h"

namespace fusebox::policy {
namespace {

using enum RuleKind;

TEST(Explain, TheDecisiveRuleAndThoseBehindItAreNamed) {
  const Policy policy = rules({{read, "/"}, {predict, "/home/ada"}});
  const Explanation reading = explain(policy, "/home/ada/x", Want::read);
  EXPECT_EQ(reading.decision.verdict, Verdict::allow);
  ASSERT_EQ(reading.considered.size(), 2u);
  EXPECT_EQ(reading.considered[0].rule, 1);
  EXPECT_EQ(reading.considered[0].part, "says nothing on reading");
  EXPECT_EQ(reading.considered[1].part, "decides");
  EXPECT_EQ(explain(policy, "/home/ada/x", Want::write).considered[0].part, "decides");
}

TEST(Explain, TheWayToSomethingOpenIsExplained) {
  const Policy policy = rules({{hide, "/secret"}, {read, "/secret/public"}});
  const Explanation explanation = explain(policy, "/secret", Want::stat);
  EXPECT_EQ(explanation.reason, "it is hidden, but lies on the way to what a more specific rule names");
  ASSERT_EQ(explanation.considered.size(), 2u);
  EXPECT_EQ(explanation.considered[0].rule, 1);
}

TEST(Explain, APathThatNoRuleNamesIsExplained) {
  EXPECT_EQ(explain(rules({}), "/x", Want::write).reason,
            "no rule names it; what no rule names may not be read or written");
  EXPECT_EQ(explain(rules({}), "x", Want::stat).reason, "not an absolute path without '.', '..' and repeated slashes");
}

}  // namespace
}  // namespace fusebox::policy
